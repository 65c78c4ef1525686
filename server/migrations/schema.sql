-- Written by `npm run schema` from what the migrations make; a test compares.

SET check_function_bodies = false;

CREATE SCHEMA identity;

CREATE EXTENSION btree_gist WITH SCHEMA public;

CREATE OR REPLACE FUNCTION public.guard_invoice()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  lines numeric;
  taxes numeric;
  parts numeric;
  part_exact numeric;
begin
  if old.state = 'finalised' then
    raise exception 'invoice % is finalised', old.number using errcode = 'restrict_violation';
  end if;
  if tg_op = 'DELETE' then
    return old;
  end if;
  if new.state = 'finalised' then
    select coalesce(sum(amount), 0) into lines from invoice_line where invoice = new.id;
    select coalesce(sum(amount), 0) into taxes from invoice_tax where invoice = new.id;
    select coalesce(sum(amount), 0), coalesce(sum(exact), 0) into parts, part_exact
      from invoice_funding where invoice = new.id;
    if lines <> new.net or taxes <> new.tax or parts <> new.total or part_exact <> new.exact + new.tax then
      raise exception 'invoice % does not add up', new.id using errcode = 'check_violation';
    end if;
  end if;
  return new;
end $function$;

CREATE OR REPLACE FUNCTION public.guard_invoice_part()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if exists (select from invoice where id = coalesce(new.invoice, old.invoice) and state = 'finalised') then
    raise exception 'the invoice is finalised' using errcode = 'restrict_violation';
  end if;
  return coalesce(new, old);
end $function$;

CREATE OR REPLACE FUNCTION public.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'rows of % are append-only', tg_table_name using errcode = 'restrict_violation';
end $function$;

CREATE TABLE image (
  id text NOT NULL,
  title jsonb NOT NULL,
  description jsonb NOT NULL,
  publisher text NOT NULL,
  licences jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT image_pkey PRIMARY KEY (id)
);

CREATE TABLE image_version (
  id text NOT NULL,
  image text NOT NULL,
  version text NOT NULL,
  digest text NOT NULL,
  recipe text NOT NULL,
  needs jsonb NOT NULL,
  size_bytes bigint NOT NULL,
  offered_at timestamp with time zone NOT NULL,
  withdrawn_at timestamp with time zone,
  CONSTRAINT image_version_pkey PRIMARY KEY (id),
  CONSTRAINT image_version_digest_unique UNIQUE (image, version, digest),
  CONSTRAINT image_version_image FOREIGN KEY (image) REFERENCES image(id)
);
CREATE UNIQUE INDEX image_version_offered ON image_version USING btree (image, version) WHERE withdrawn_at IS NULL;

CREATE TABLE organization (
  id text NOT NULL,
  name text NOT NULL,
  currency text NOT NULL,
  time_zone text DEFAULT 'UTC'::text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  language text DEFAULT 'en'::text NOT NULL,
  CONSTRAINT organization_pkey PRIMARY KEY (id),
  CONSTRAINT organization_currency CHECK (currency = ANY (ARRAY['USD'::text, 'EUR'::text])),
  CONSTRAINT organization_language CHECK (language = ANY (ARRAY['en'::text, 'zh'::text]))
);

CREATE TABLE lease (
  id text NOT NULL,
  organization text NOT NULL,
  until timestamp with time zone,
  ended_at timestamp with time zone,
  CONSTRAINT lease_pkey PRIMARY KEY (id),
  CONSTRAINT lease_organization FOREIGN KEY (organization) REFERENCES organization(id)
);
CREATE INDEX lease_due ON lease USING btree (until) WHERE until IS NOT NULL;

CREATE TABLE node (
  id text NOT NULL,
  driver text NOT NULL,
  name text NOT NULL,
  engine_id text NOT NULL,
  boot_id text NOT NULL,
  cpus integer NOT NULL,
  memory_gib integer NOT NULL,
  disk_gib integer NOT NULL,
  gpu_driver text,
  cuda_driver text,
  missing jsonb DEFAULT '[]'::jsonb NOT NULL,
  status text DEFAULT 'ready'::text NOT NULL,
  seen_at timestamp with time zone NOT NULL,
  registered_at timestamp with time zone NOT NULL,
  CONSTRAINT node_pkey PRIMARY KEY (id),
  CONSTRAINT node_name_unique UNIQUE (driver, name),
  CONSTRAINT node_status CHECK (status = ANY (ARRAY['ready'::text, 'returning'::text, 'draining'::text, 'fenced'::text]))
);

CREATE TABLE price_book (
  id text NOT NULL,
  currency text NOT NULL,
  effective_from timestamp with time zone NOT NULL,
  published_at timestamp with time zone NOT NULL,
  hash text NOT NULL,
  organization text,
  origin text DEFAULT 'table'::text NOT NULL,
  CONSTRAINT price_book_pkey PRIMARY KEY (id),
  CONSTRAINT price_book_dated UNIQUE NULLS NOT DISTINCT (currency, organization, effective_from),
  CONSTRAINT price_book_origin CHECK (origin = ANY (ARRAY['table'::text, 'request'::text])),
  CONSTRAINT price_book_organization FOREIGN KEY (organization) REFERENCES organization(id)
);
CREATE TRIGGER price_book_append_only BEFORE DELETE OR UPDATE ON price_book FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE project (
  id text NOT NULL,
  organization text NOT NULL,
  name text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT project_pkey PRIMARY KEY (id),
  CONSTRAINT project_name_unique UNIQUE (organization, name),
  CONSTRAINT project_organization FOREIGN KEY (organization) REFERENCES organization(id)
);

CREATE TABLE allocation (
  id text NOT NULL,
  subject text NOT NULL,
  organization text NOT NULL,
  project text NOT NULL,
  node text NOT NULL,
  lease text NOT NULL,
  flavor text NOT NULL,
  cpus integer NOT NULL,
  memory_gib integer NOT NULL,
  disk_gib integer NOT NULL,
  image_version text NOT NULL,
  price_book text NOT NULL,
  lines jsonb NOT NULL,
  allocated_at timestamp with time zone NOT NULL,
  node_started_at timestamp with time zone,
  started_seen_at timestamp with time zone,
  ready_at timestamp with time zone,
  last_seen_at timestamp with time zone,
  silent_since timestamp with time zone,
  ended_at timestamp with time zone,
  stage text,
  bytes_done bigint,
  bytes_total bigint,
  closed_at timestamp with time zone,
  released_at timestamp with time zone,
  asked_by text NOT NULL,
  asked_key text,
  job text,
  CONSTRAINT allocation_pkey PRIMARY KEY (id),
  CONSTRAINT allocation_image_version FOREIGN KEY (image_version) REFERENCES image_version(id),
  CONSTRAINT allocation_lease FOREIGN KEY (lease) REFERENCES lease(id),
  CONSTRAINT allocation_node FOREIGN KEY (node) REFERENCES node(id),
  CONSTRAINT allocation_organization FOREIGN KEY (organization) REFERENCES organization(id),
  CONSTRAINT allocation_price_book FOREIGN KEY (price_book) REFERENCES price_book(id),
  CONSTRAINT allocation_project FOREIGN KEY (project) REFERENCES project(id)
);
CREATE INDEX allocation_lease ON allocation USING btree (lease);
CREATE INDEX allocation_live_node ON allocation USING btree (node) WHERE released_at IS NULL;
CREATE INDEX allocation_node_at ON allocation USING btree (node, allocated_at, id);
CREATE UNIQUE INDEX allocation_one_live ON allocation USING btree (subject) WHERE released_at IS NULL;
CREATE INDEX allocation_organization ON allocation USING btree (organization);
CREATE INDEX allocation_subject ON allocation USING btree (subject);

CREATE TABLE device (
  id text NOT NULL,
  node text NOT NULL,
  model text NOT NULL,
  memory_mib integer NOT NULL,
  healthy boolean NOT NULL,
  drained_at timestamp with time zone,
  drained_why text,
  CONSTRAINT device_pkey PRIMARY KEY (id),
  CONSTRAINT device_drained CHECK ((drained_at IS NULL) = (drained_why IS NULL)),
  CONSTRAINT device_node FOREIGN KEY (node) REFERENCES node(id)
);

CREATE TABLE allocation_device (
  allocation text NOT NULL,
  device text NOT NULL,
  released boolean DEFAULT false NOT NULL,
  CONSTRAINT allocation_device_pkey PRIMARY KEY (allocation, device),
  CONSTRAINT allocation_device_allocation FOREIGN KEY (allocation) REFERENCES allocation(id),
  CONSTRAINT allocation_device_device FOREIGN KEY (device) REFERENCES device(id)
);
CREATE UNIQUE INDEX allocation_device_given_once ON allocation_device USING btree (device) WHERE NOT released;

CREATE TABLE anomaly (
  seq bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  at timestamp with time zone NOT NULL,
  subject text NOT NULL,
  event text NOT NULL,
  state text NOT NULL,
  detail text NOT NULL,
  CONSTRAINT anomaly_pkey PRIMARY KEY (seq)
);

CREATE TABLE person (
  id text NOT NULL,
  identity_user text,
  email text NOT NULL,
  name text NOT NULL,
  is_operator boolean DEFAULT false NOT NULL,
  created_at timestamp with time zone NOT NULL,
  language text,
  CONSTRAINT person_pkey PRIMARY KEY (id),
  CONSTRAINT person_email_unique UNIQUE (email),
  CONSTRAINT person_identity_user_unique UNIQUE (identity_user),
  CONSTRAINT person_language CHECK (language = ANY (ARRAY['en'::text, 'zh'::text]))
);

CREATE TABLE api_key (
  id text NOT NULL,
  organization text NOT NULL,
  project text,
  person text NOT NULL,
  name text NOT NULL,
  hash text NOT NULL,
  hint text NOT NULL,
  actions text[] NOT NULL,
  created_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone,
  last_used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  CONSTRAINT api_key_pkey PRIMARY KEY (id),
  CONSTRAINT api_key_hash_unique UNIQUE (hash),
  CONSTRAINT api_key_organization FOREIGN KEY (organization) REFERENCES organization(id),
  CONSTRAINT api_key_person FOREIGN KEY (person) REFERENCES person(id),
  CONSTRAINT api_key_project FOREIGN KEY (project) REFERENCES project(id)
);

CREATE TABLE audit (
  id text NOT NULL,
  at timestamp with time zone NOT NULL,
  organization text,
  actor text NOT NULL,
  action text NOT NULL,
  target text NOT NULL,
  before_digest text,
  after_digest text,
  request_id text NOT NULL,
  CONSTRAINT audit_pkey PRIMARY KEY (id)
);
CREATE INDEX audit_organization_at ON audit USING btree (organization, at);
CREATE TRIGGER audit_append_only BEFORE DELETE OR UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE balance_watch (
  organization text NOT NULL,
  looked_at timestamp with time zone NOT NULL,
  look_at timestamp with time zone NOT NULL,
  told_minutes integer,
  runway_until timestamp with time zone,
  CONSTRAINT balance_watch_pkey PRIMARY KEY (organization),
  CONSTRAINT balance_watch_told CHECK (told_minutes = ANY (ARRAY[0, 2, 10, 60])),
  CONSTRAINT balance_watch_organization FOREIGN KEY (organization) REFERENCES organization(id)
);
CREATE INDEX balance_watch_told_now ON balance_watch USING btree (organization) WHERE told_minutes IS NOT NULL;

CREATE TABLE billing_period (
  organization text NOT NULL,
  from_at timestamp with time zone NOT NULL,
  to_at timestamp with time zone NOT NULL,
  closed_at timestamp with time zone NOT NULL,
  closed_by text,
  CONSTRAINT billing_period_pkey PRIMARY KEY (organization, from_at),
  CONSTRAINT billing_period_no_overlap EXCLUDE USING gist (organization WITH =, tstzrange(from_at, to_at) WITH &&),
  CONSTRAINT billing_period_forward CHECK (from_at < to_at AND to_at <= closed_at),
  CONSTRAINT billing_period_organization FOREIGN KEY (organization) REFERENCES organization(id)
);
CREATE TRIGGER billing_period_append_only BEFORE DELETE OR UPDATE ON billing_period FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE boundary (
  organization text NOT NULL,
  at timestamp with time zone NOT NULL,
  CONSTRAINT boundary_pkey PRIMARY KEY (organization, at),
  CONSTRAINT boundary_organization FOREIGN KEY (organization) REFERENCES organization(id)
);

CREATE TABLE budget (
  id text NOT NULL,
  organization text NOT NULL,
  name text NOT NULL,
  scope text NOT NULL,
  target text NOT NULL,
  job text,
  period text NOT NULL,
  limit_nanos numeric(38,0) NOT NULL,
  action text NOT NULL,
  created_by text NOT NULL,
  request_hash text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  changed_at timestamp with time zone NOT NULL,
  ended_at timestamp with time zone,
  CONSTRAINT budget_pkey PRIMARY KEY (id),
  CONSTRAINT budget_action CHECK (action = ANY (ARRAY['warn'::text, 'refuse'::text, 'stop'::text])),
  CONSTRAINT budget_job CHECK ((job IS NOT NULL) = (scope = 'job'::text)),
  CONSTRAINT budget_limit CHECK (limit_nanos >= 0::numeric),
  CONSTRAINT budget_period CHECK (period = ANY (ARRAY['day'::text, 'week'::text, 'month'::text, 'total'::text])),
  CONSTRAINT budget_scope CHECK (scope = ANY (ARRAY['organization'::text, 'project'::text, 'person'::text, 'key'::text, 'job'::text])),
  CONSTRAINT budget_organization FOREIGN KEY (organization) REFERENCES organization(id)
);
CREATE UNIQUE INDEX budget_name_unique ON budget USING btree (organization, name) WHERE ended_at IS NULL;

CREATE TABLE buyer (
  organization text NOT NULL,
  legal_name text NOT NULL,
  address text NOT NULL,
  tax_id text,
  reference text,
  updated_at timestamp with time zone NOT NULL,
  CONSTRAINT buyer_pkey PRIMARY KEY (organization),
  CONSTRAINT buyer_organization FOREIGN KEY (organization) REFERENCES organization(id)
);

CREATE TABLE journal_head (
  resource text NOT NULL,
  organization text NOT NULL,
  seq integer NOT NULL,
  hash text NOT NULL,
  recorded_at timestamp with time zone NOT NULL,
  due_since timestamp with time zone,
  accrues boolean NOT NULL,
  CONSTRAINT journal_head_pkey PRIMARY KEY (resource),
  CONSTRAINT journal_head_organization FOREIGN KEY (organization) REFERENCES organization(id)
);
CREATE INDEX journal_head_due ON journal_head USING btree (organization) WHERE due_since IS NOT NULL OR accrues;
CREATE INDEX journal_head_organization_resource ON journal_head USING btree (organization, resource);

CREATE TABLE charge (
  id text NOT NULL,
  organization text NOT NULL,
  resource text NOT NULL,
  sku text NOT NULL,
  price_book text NOT NULL,
  seq integer NOT NULL,
  up_to timestamp with time zone NOT NULL,
  unit_millis_before numeric(38,0) NOT NULL,
  unit_millis numeric(38,0) NOT NULL,
  nanos numeric(38,0) NOT NULL,
  amount numeric(38,0) NOT NULL,
  reason text,
  recorded_at timestamp with time zone NOT NULL,
  CONSTRAINT charge_pkey PRIMARY KEY (id),
  CONSTRAINT charge_seq_unique UNIQUE (resource, sku, price_book, seq),
  CONSTRAINT charge_reason CHECK ((reason IS NOT NULL) = (unit_millis < 0::numeric)),
  CONSTRAINT charge_step CHECK (unit_millis <> 0::numeric AND unit_millis_before >= 0::numeric AND (unit_millis_before + unit_millis) >= 0::numeric),
  CONSTRAINT charge_organization FOREIGN KEY (organization) REFERENCES organization(id),
  CONSTRAINT charge_price_book FOREIGN KEY (price_book) REFERENCES price_book(id),
  CONSTRAINT charge_resource FOREIGN KEY (resource) REFERENCES journal_head(resource)
);
CREATE INDEX charge_organization_up_to ON charge USING btree (organization, up_to);
CREATE TRIGGER charge_append_only BEFORE DELETE OR UPDATE ON charge FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE ledger_account (
  id text NOT NULL,
  owner text NOT NULL,
  code text NOT NULL,
  currency text NOT NULL,
  limit_rule text,
  debits_pending numeric(38,0) DEFAULT 0 NOT NULL,
  debits_posted numeric(38,0) DEFAULT 0 NOT NULL,
  credits_pending numeric(38,0) DEFAULT 0 NOT NULL,
  credits_posted numeric(38,0) DEFAULT 0 NOT NULL,
  created_at timestamp with time zone NOT NULL,
  closed_at timestamp with time zone,
  CONSTRAINT ledger_account_pkey PRIMARY KEY (id),
  CONSTRAINT ledger_account_one_per_code UNIQUE (owner, code, currency),
  CONSTRAINT ledger_account_code CHECK (code = ANY (ARRAY['customer'::text, 'receivable'::text, 'cash'::text, 'revenue'::text, 'promo_expense'::text, 'absorbed'::text, 'breakage'::text, 'tax'::text, 'rounding'::text])),
  CONSTRAINT ledger_account_exceeds_credits CHECK (limit_rule IS DISTINCT FROM 'debits_must_not_exceed_credits'::text OR (credits_posted - debits_posted - debits_pending) >= 0::numeric),
  CONSTRAINT ledger_account_exceeds_debits CHECK (limit_rule IS DISTINCT FROM 'credits_must_not_exceed_debits'::text OR (debits_posted - credits_posted - credits_pending) >= 0::numeric),
  CONSTRAINT ledger_account_limit_rule CHECK (limit_rule = ANY (ARRAY['debits_must_not_exceed_credits'::text, 'credits_must_not_exceed_debits'::text])),
  CONSTRAINT ledger_account_totals CHECK (debits_pending >= 0::numeric AND debits_posted >= 0::numeric AND credits_pending >= 0::numeric AND credits_posted >= 0::numeric)
);
CREATE TRIGGER ledger_account_kept BEFORE DELETE ON ledger_account FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_account_never_emptied BEFORE TRUNCATE ON ledger_account FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_account_terms_kept BEFORE UPDATE ON ledger_account FOR EACH ROW WHEN (old.id IS DISTINCT FROM new.id OR old.owner IS DISTINCT FROM new.owner OR old.code IS DISTINCT FROM new.code OR old.currency IS DISTINCT FROM new.currency OR old.limit_rule IS DISTINCT FROM new.limit_rule OR old.created_at IS DISTINCT FROM new.created_at OR old.closed_at IS DISTINCT FROM new.closed_at) EXECUTE FUNCTION refuse_change();

CREATE TABLE transfer (
  id text NOT NULL,
  kind text NOT NULL,
  hold text,
  debit text NOT NULL,
  credit text NOT NULL,
  amount numeric(38,0) NOT NULL,
  code text NOT NULL,
  about text NOT NULL,
  booked_at timestamp with time zone NOT NULL,
  recorded_at timestamp with time zone NOT NULL,
  CONSTRAINT transfer_pkey PRIMARY KEY (id),
  CONSTRAINT transfer_accounts_must_differ CHECK (debit <> credit),
  CONSTRAINT transfer_amount_must_be_positive CHECK (amount > 0::numeric OR kind = 'release'::text),
  CONSTRAINT transfer_hold_named CHECK ((hold IS NOT NULL) = (kind = ANY (ARRAY['settle'::text, 'release'::text]))),
  CONSTRAINT transfer_kind CHECK (kind = ANY (ARRAY['post'::text, 'hold'::text, 'settle'::text, 'release'::text])),
  CONSTRAINT transfer_credit FOREIGN KEY (credit) REFERENCES ledger_account(id),
  CONSTRAINT transfer_debit FOREIGN KEY (debit) REFERENCES ledger_account(id),
  CONSTRAINT transfer_hold FOREIGN KEY (hold) REFERENCES transfer(id)
);
CREATE INDEX transfer_about ON transfer USING btree (about);
CREATE INDEX transfer_credit_booked ON transfer USING btree (credit, booked_at, id);
CREATE INDEX transfer_debit_booked ON transfer USING btree (debit, booked_at, id);
CREATE INDEX transfer_hold_moves ON transfer USING btree (hold) WHERE hold IS NOT NULL;
CREATE UNIQUE INDEX transfer_one_release ON transfer USING btree (hold) WHERE kind = 'release'::text;
CREATE TRIGGER transfer_append_only BEFORE DELETE OR UPDATE ON transfer FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfer_never_emptied BEFORE TRUNCATE ON transfer FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE credit_lot (
  id text NOT NULL,
  account text NOT NULL,
  transfer text NOT NULL,
  renews text,
  kind text NOT NULL,
  priority integer NOT NULL,
  effective_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone,
  amount numeric(38,0) NOT NULL,
  remaining numeric(38,0) NOT NULL,
  reserved numeric(38,0) NOT NULL,
  recorded_at timestamp with time zone NOT NULL,
  CONSTRAINT credit_lot_pkey PRIMARY KEY (id),
  CONSTRAINT credit_lot_amounts CHECK (amount > 0::numeric AND reserved >= 0::numeric AND remaining >= reserved AND amount >= remaining),
  CONSTRAINT credit_lot_dates CHECK (expires_at > effective_at),
  CONSTRAINT credit_lot_kind CHECK (kind = ANY (ARRAY['paid'::text, 'promo'::text])),
  CONSTRAINT credit_lot_priority CHECK (priority >= 0 AND priority <= 1000),
  CONSTRAINT credit_lot_account FOREIGN KEY (account) REFERENCES ledger_account(id),
  CONSTRAINT credit_lot_renews FOREIGN KEY (renews) REFERENCES credit_lot(id),
  CONSTRAINT credit_lot_transfer FOREIGN KEY (transfer) REFERENCES transfer(id)
);
CREATE INDEX credit_lot_account_recorded ON credit_lot USING btree (account, recorded_at, id);
CREATE INDEX credit_lot_lapsing ON credit_lot USING btree (expires_at) WHERE remaining > 0::numeric AND expires_at IS NOT NULL;
CREATE INDEX credit_lot_live ON credit_lot USING btree (account) WHERE remaining > 0::numeric;
CREATE TRIGGER credit_lot_kept BEFORE DELETE ON credit_lot FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER credit_lot_never_emptied BEFORE TRUNCATE ON credit_lot FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER credit_lot_terms_kept BEFORE UPDATE ON credit_lot FOR EACH ROW WHEN (old.id IS DISTINCT FROM new.id OR old.account IS DISTINCT FROM new.account OR old.transfer IS DISTINCT FROM new.transfer OR old.renews IS DISTINCT FROM new.renews OR old.kind IS DISTINCT FROM new.kind OR old.priority IS DISTINCT FROM new.priority OR old.effective_at IS DISTINCT FROM new.effective_at OR old.expires_at IS DISTINCT FROM new.expires_at OR old.amount IS DISTINCT FROM new.amount OR old.recorded_at IS DISTINCT FROM new.recorded_at) EXECUTE FUNCTION refuse_change();

CREATE TABLE invoice (
  id text NOT NULL,
  organization text NOT NULL,
  state text NOT NULL,
  number text,
  from_at timestamp with time zone NOT NULL,
  to_at timestamp with time zone NOT NULL,
  currency text NOT NULL,
  time_zone text NOT NULL,
  exact numeric(38,0) NOT NULL,
  net numeric(38,0) NOT NULL,
  tax numeric(38,0) NOT NULL,
  total numeric(38,0) NOT NULL,
  seller jsonb,
  buyer jsonb,
  bill_sha256 text NOT NULL,
  problem text,
  created_at timestamp with time zone NOT NULL,
  closed_at timestamp with time zone,
  CONSTRAINT invoice_pkey PRIMARY KEY (id),
  CONSTRAINT invoice_number_unique UNIQUE (number),
  CONSTRAINT invoice_one_per_period UNIQUE (organization, from_at),
  CONSTRAINT invoice_finalised CHECK ((state = 'finalised'::text) = (number IS NOT NULL) AND (state = 'finalised'::text) = (closed_at IS NOT NULL) AND (state = 'draft'::text OR seller IS NOT NULL AND buyer IS NOT NULL AND problem IS NULL)),
  CONSTRAINT invoice_net CHECK ((net % 10000000::numeric) = 0::numeric),
  CONSTRAINT invoice_rounded_once CHECK (abs(net - exact) <= 5000000::numeric),
  CONSTRAINT invoice_state CHECK (state = ANY (ARRAY['draft'::text, 'finalised'::text])),
  CONSTRAINT invoice_tax CHECK ((tax % 10000000::numeric) = 0::numeric),
  CONSTRAINT invoice_total CHECK (total = (net + tax)),
  CONSTRAINT invoice_organization FOREIGN KEY (organization) REFERENCES organization(id),
  CONSTRAINT invoice_period FOREIGN KEY (organization, from_at) REFERENCES billing_period(organization, from_at)
);
CREATE INDEX invoice_draft ON invoice USING btree (id) WHERE state = 'draft'::text;
CREATE INDEX invoice_organization_from ON invoice USING btree (organization, from_at);
CREATE TRIGGER invoice_guarded BEFORE DELETE OR UPDATE ON invoice FOR EACH ROW EXECUTE FUNCTION guard_invoice();

CREATE TABLE credit_note (
  id text NOT NULL,
  invoice text NOT NULL,
  organization text NOT NULL,
  number text NOT NULL,
  reason text NOT NULL,
  net numeric(38,0) NOT NULL,
  tax numeric(38,0) NOT NULL,
  issued_by text NOT NULL,
  issued_at timestamp with time zone NOT NULL,
  request_hash text NOT NULL,
  CONSTRAINT credit_note_pkey PRIMARY KEY (id),
  CONSTRAINT credit_note_number_unique UNIQUE (number),
  CONSTRAINT credit_note_net CHECK (net > 0::numeric AND (net % 10000000::numeric) = 0::numeric),
  CONSTRAINT credit_note_tax CHECK (tax >= 0::numeric AND (tax % 10000000::numeric) = 0::numeric),
  CONSTRAINT credit_note_invoice FOREIGN KEY (invoice) REFERENCES invoice(id),
  CONSTRAINT credit_note_organization FOREIGN KEY (organization) REFERENCES organization(id)
);
CREATE INDEX credit_note_of_invoice ON credit_note USING btree (invoice);
CREATE TRIGGER credit_note_append_only BEFORE DELETE OR UPDATE ON credit_note FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE credit_note_line (
  credit_note text NOT NULL,
  "position" integer NOT NULL,
  line integer,
  amount numeric(38,0) NOT NULL,
  CONSTRAINT credit_note_line_pkey PRIMARY KEY (credit_note, "position"),
  CONSTRAINT credit_note_line_amount CHECK (amount > 0::numeric AND (amount % 10000000::numeric) = 0::numeric),
  CONSTRAINT credit_note_line_note FOREIGN KEY (credit_note) REFERENCES credit_note(id)
);
CREATE TRIGGER credit_note_line_append_only BEFORE DELETE OR UPDATE ON credit_note_line FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE notice (
  id text NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  organization text NOT NULL,
  project text,
  type text NOT NULL,
  subject text NOT NULL,
  at timestamp with time zone NOT NULL,
  data jsonb NOT NULL,
  routed_at timestamp with time zone,
  CONSTRAINT notice_pkey PRIMARY KEY (id),
  CONSTRAINT notice_seq_unique UNIQUE (seq),
  CONSTRAINT notice_organization FOREIGN KEY (organization) REFERENCES organization(id),
  CONSTRAINT notice_project FOREIGN KEY (project) REFERENCES project(id)
);
CREATE INDEX notice_at ON notice USING btree (at);
CREATE INDEX notice_organization_seq ON notice USING btree (organization, seq);
CREATE INDEX notice_unrouted ON notice USING btree (seq) WHERE routed_at IS NULL;

CREATE TABLE webhook (
  id text NOT NULL,
  organization text NOT NULL,
  url text NOT NULL,
  name text NOT NULL,
  types text[] NOT NULL,
  created_by text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  failing_since timestamp with time zone,
  disabled_at timestamp with time zone,
  disabled_why text,
  deleted_at timestamp with time zone,
  CONSTRAINT webhook_pkey PRIMARY KEY (id),
  CONSTRAINT webhook_disabled CHECK ((disabled_at IS NULL) = (disabled_why IS NULL)),
  CONSTRAINT webhook_disabled_why CHECK (disabled_why = ANY (ARRAY['asked'::text, 'failing'::text, 'gone'::text])),
  CONSTRAINT webhook_created_by FOREIGN KEY (created_by) REFERENCES person(id),
  CONSTRAINT webhook_organization FOREIGN KEY (organization) REFERENCES organization(id)
);
CREATE INDEX webhook_organization_live ON webhook USING btree (organization, id) WHERE deleted_at IS NULL;

CREATE TABLE delivery (
  id text NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  notice text NOT NULL,
  webhook text NOT NULL,
  state text NOT NULL,
  tries integer DEFAULT 0 NOT NULL,
  due_at timestamp with time zone,
  created_at timestamp with time zone NOT NULL,
  ended_at timestamp with time zone,
  CONSTRAINT delivery_pkey PRIMARY KEY (id),
  CONSTRAINT delivery_once UNIQUE (notice, webhook),
  CONSTRAINT delivery_seq_unique UNIQUE (seq),
  CONSTRAINT delivery_due CHECK ((due_at IS NOT NULL) = (state = 'waiting'::text)),
  CONSTRAINT delivery_state CHECK (state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'failed'::text])),
  CONSTRAINT delivery_notice FOREIGN KEY (notice) REFERENCES notice(id) ON DELETE CASCADE,
  CONSTRAINT delivery_webhook FOREIGN KEY (webhook) REFERENCES webhook(id)
);
CREATE INDEX delivery_waiting ON delivery USING btree (webhook, due_at) WHERE state = 'waiting'::text;
CREATE INDEX delivery_webhook_seq ON delivery USING btree (webhook, seq);

CREATE TABLE delivery_attempt (
  delivery text NOT NULL,
  number integer NOT NULL,
  at timestamp with time zone NOT NULL,
  duration_ms integer NOT NULL,
  status integer,
  error text,
  excerpt text,
  CONSTRAINT delivery_attempt_pkey PRIMARY KEY (delivery, number),
  CONSTRAINT delivery_attempt_delivery FOREIGN KEY (delivery) REFERENCES delivery(id) ON DELETE CASCADE
);

CREATE TABLE door (
  allocation text NOT NULL,
  jupyter_token text NOT NULL,
  gateway_key text NOT NULL,
  gateway_public_key text NOT NULL,
  CONSTRAINT door_pkey PRIMARY KEY (allocation),
  CONSTRAINT door_allocation FOREIGN KEY (allocation) REFERENCES allocation(id)
);

CREATE TABLE flavor (
  id text NOT NULL,
  cpus integer NOT NULL,
  memory_gib integer NOT NULL,
  disk_gib integer NOT NULL,
  gpu_model text,
  gpu_count integer DEFAULT 0 NOT NULL,
  lines jsonb DEFAULT '[]'::jsonb NOT NULL,
  withdrawn_at timestamp with time zone,
  CONSTRAINT flavor_pkey PRIMARY KEY (id),
  CONSTRAINT flavor_cpus CHECK (cpus > 0),
  CONSTRAINT flavor_disk CHECK (disk_gib > 0),
  CONSTRAINT flavor_gpu CHECK ((gpu_model IS NULL) = (gpu_count = 0)),
  CONSTRAINT flavor_memory CHECK (memory_gib > 0)
);

CREATE TABLE volume (
  id text NOT NULL,
  organization text NOT NULL,
  project text NOT NULL,
  name text NOT NULL,
  size_gib integer NOT NULL,
  home_of text,
  attached_to text,
  node text,
  path text,
  requested_at timestamp with time zone NOT NULL,
  created_at timestamp with time zone,
  deleted_at timestamp with time zone,
  purged_at timestamp with time zone,
  CONSTRAINT volume_pkey PRIMARY KEY (id),
  CONSTRAINT volume_size CHECK (size_gib > 0),
  CONSTRAINT volume_node FOREIGN KEY (node) REFERENCES node(id),
  CONSTRAINT volume_organization FOREIGN KEY (organization) REFERENCES organization(id),
  CONSTRAINT volume_project FOREIGN KEY (project) REFERENCES project(id)
);
CREATE INDEX volume_due ON volume USING btree (id) WHERE created_at IS NULL OR deleted_at IS NOT NULL AND purged_at IS NULL;
CREATE UNIQUE INDEX volume_name_unique ON volume USING btree (project, name) WHERE deleted_at IS NULL;

CREATE TABLE instance (
  id text NOT NULL,
  organization text NOT NULL,
  project text NOT NULL,
  name text NOT NULL,
  image text NOT NULL,
  version text NOT NULL,
  flavor text NOT NULL,
  home text NOT NULL,
  created_by text NOT NULL,
  request_hash text NOT NULL,
  intent text NOT NULL,
  state text NOT NULL,
  outcome text,
  exit_code integer,
  exit_signal text,
  out_of_memory boolean DEFAULT false NOT NULL,
  reason text,
  elsewhere_count integer DEFAULT 0 NOT NULL,
  exited_cleanly boolean DEFAULT false NOT NULL,
  allocation text,
  ssh_host_key text NOT NULL,
  ssh_host_public_key text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  changed_at timestamp with time zone NOT NULL,
  asked_by text NOT NULL,
  asked_key text,
  CONSTRAINT instance_pkey PRIMARY KEY (id),
  CONSTRAINT instance_intent CHECK (intent = ANY (ARRAY['running'::text, 'stopped'::text, 'deleted'::text])),
  CONSTRAINT instance_live_allocation CHECK ((allocation IS NOT NULL) = (state = ANY (ARRAY['preparing'::text, 'running'::text, 'unreachable'::text, 'stopping'::text]))),
  CONSTRAINT instance_outcome CHECK (outcome = ANY (ARRAY['failed'::text, 'elsewhere'::text, 'exited'::text, 'lost'::text])),
  CONSTRAINT instance_state CHECK (state = ANY (ARRAY['queued'::text, 'preparing'::text, 'running'::text, 'unreachable'::text, 'stopping'::text, 'stopped'::text, 'failed'::text, 'deleting'::text, 'deleted'::text])),
  CONSTRAINT instance_allocation FOREIGN KEY (allocation) REFERENCES allocation(id),
  CONSTRAINT instance_flavor FOREIGN KEY (flavor) REFERENCES flavor(id),
  CONSTRAINT instance_home FOREIGN KEY (home) REFERENCES volume(id),
  CONSTRAINT instance_organization FOREIGN KEY (organization) REFERENCES organization(id),
  CONSTRAINT instance_project FOREIGN KEY (project) REFERENCES project(id)
);
CREATE UNIQUE INDEX instance_allocation_unique ON instance USING btree (allocation) WHERE allocation IS NOT NULL;
CREATE INDEX instance_due ON instance USING btree (state) WHERE state = ANY (ARRAY['preparing'::text, 'running'::text, 'unreachable'::text, 'stopping'::text, 'deleting'::text]);
CREATE UNIQUE INDEX instance_name_unique ON instance USING btree (project, name) WHERE state <> 'deleted'::text;

CREATE TABLE door_code (
  hash text NOT NULL,
  person text NOT NULL,
  instance text NOT NULL,
  port integer NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  CONSTRAINT door_code_pkey PRIMARY KEY (hash),
  CONSTRAINT door_code_port CHECK (port >= 1 AND port <= 65535),
  CONSTRAINT door_code_instance FOREIGN KEY (instance) REFERENCES instance(id),
  CONSTRAINT door_code_person FOREIGN KEY (person) REFERENCES person(id)
);
CREATE INDEX door_code_expiry ON door_code USING btree (expires_at);

CREATE TABLE door_session (
  hash text NOT NULL,
  person text NOT NULL,
  instance text NOT NULL,
  port integer NOT NULL,
  created_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  revoked_at timestamp with time zone,
  CONSTRAINT door_session_pkey PRIMARY KEY (hash),
  CONSTRAINT door_session_port CHECK (port >= 1 AND port <= 65535),
  CONSTRAINT door_session_instance FOREIGN KEY (instance) REFERENCES instance(id),
  CONSTRAINT door_session_person FOREIGN KEY (person) REFERENCES person(id)
);
CREATE INDEX door_session_expiry ON door_session USING btree (expires_at);
CREATE INDEX door_session_person ON door_session USING btree (person);

CREATE TABLE gateway_key (
  name text NOT NULL,
  private_key text NOT NULL,
  public_key text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT gateway_key_pkey PRIMARY KEY (name),
  CONSTRAINT gateway_key_name CHECK (name = 'ssh_host'::text)
);

CREATE TABLE grace (
  seq bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  account text NOT NULL,
  transfer text,
  event text NOT NULL,
  at timestamp with time zone NOT NULL,
  CONSTRAINT grace_pkey PRIMARY KEY (seq),
  CONSTRAINT grace_event CHECK (event = ANY (ARRAY['begun'::text, 'ended'::text])),
  CONSTRAINT grace_account FOREIGN KEY (account) REFERENCES ledger_account(id),
  CONSTRAINT grace_transfer FOREIGN KEY (transfer) REFERENCES transfer(id)
);
CREATE INDEX grace_account_seq ON grace USING btree (account, seq);
CREATE TRIGGER grace_append_only BEFORE DELETE OR UPDATE ON grace FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER grace_never_emptied BEFORE TRUNCATE ON grace FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE idempotency_key (
  principal text NOT NULL,
  key text NOT NULL,
  request_hash text NOT NULL,
  response jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT idempotency_key_pkey PRIMARY KEY (principal, key)
);

CREATE TABLE identity."deviceCode" (
  id text NOT NULL,
  "deviceCode" text NOT NULL,
  "userCode" text NOT NULL,
  "userId" text,
  "expiresAt" timestamp with time zone NOT NULL,
  status text NOT NULL,
  "lastPolledAt" timestamp with time zone,
  "pollingInterval" integer,
  "clientId" text,
  scope text,
  CONSTRAINT device_code_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX "deviceCode_deviceCode_uidx" ON identity."deviceCode" USING btree ("deviceCode");
CREATE UNIQUE INDEX "deviceCode_userCode_uidx" ON identity."deviceCode" USING btree ("userCode");

CREATE TABLE identity."user" (
  id text NOT NULL,
  name text NOT NULL,
  email text NOT NULL,
  "emailVerified" boolean NOT NULL,
  image text,
  "createdAt" timestamp with time zone NOT NULL,
  "updatedAt" timestamp with time zone NOT NULL,
  CONSTRAINT user_pkey PRIMARY KEY (id),
  CONSTRAINT user_email_unique UNIQUE (email)
);

CREATE TABLE identity.account (
  id text NOT NULL,
  "accountId" text NOT NULL,
  "providerId" text NOT NULL,
  "userId" text NOT NULL,
  "accessToken" text,
  "refreshToken" text,
  "idToken" text,
  "accessTokenExpiresAt" timestamp with time zone,
  "refreshTokenExpiresAt" timestamp with time zone,
  scope text,
  password text,
  "createdAt" timestamp with time zone NOT NULL,
  "updatedAt" timestamp with time zone NOT NULL,
  CONSTRAINT account_pkey PRIMARY KEY (id),
  CONSTRAINT account_of_user FOREIGN KEY ("userId") REFERENCES identity."user"(id) ON DELETE CASCADE
);
CREATE INDEX "account_userId_idx" ON identity.account USING btree ("userId");

CREATE TABLE identity.login_link (
  hash text NOT NULL,
  person text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  CONSTRAINT login_link_pkey PRIMARY KEY (hash),
  CONSTRAINT login_link_person FOREIGN KEY (person) REFERENCES person(id)
);

CREATE TABLE identity.session (
  id text NOT NULL,
  "expiresAt" timestamp with time zone NOT NULL,
  token text NOT NULL,
  "createdAt" timestamp with time zone NOT NULL,
  "updatedAt" timestamp with time zone NOT NULL,
  "ipAddress" text,
  "userAgent" text,
  "userId" text NOT NULL,
  CONSTRAINT session_pkey PRIMARY KEY (id),
  CONSTRAINT session_token_unique UNIQUE (token),
  CONSTRAINT session_of_user FOREIGN KEY ("userId") REFERENCES identity."user"(id) ON DELETE CASCADE
);
CREATE INDEX "session_userId_idx" ON identity.session USING btree ("userId");

CREATE TABLE identity.verification (
  id text NOT NULL,
  identifier text NOT NULL,
  value text NOT NULL,
  "expiresAt" timestamp with time zone NOT NULL,
  "createdAt" timestamp with time zone NOT NULL,
  "updatedAt" timestamp with time zone NOT NULL,
  CONSTRAINT verification_pkey PRIMARY KEY (id)
);
CREATE INDEX verification_identifier_idx ON identity.verification USING btree (identifier);

CREATE TABLE image_build (
  id text NOT NULL,
  image text NOT NULL,
  version text NOT NULL,
  recipe text NOT NULL,
  state text NOT NULL,
  step integer DEFAULT 0 NOT NULL,
  steps integer DEFAULT 0 NOT NULL,
  title text DEFAULT ''::text NOT NULL,
  bytes_done bigint,
  bytes_total bigint,
  attempt integer DEFAULT 0 NOT NULL,
  error text,
  requested_at timestamp with time zone NOT NULL,
  started_at timestamp with time zone,
  ended_at timestamp with time zone,
  CONSTRAINT image_build_pkey PRIMARY KEY (id),
  CONSTRAINT image_build_recipe_unique UNIQUE (image, version, recipe),
  CONSTRAINT image_build_state CHECK (state = ANY (ARRAY['waiting'::text, 'building'::text, 'proving'::text, 'done'::text, 'failed'::text])),
  CONSTRAINT image_build_image FOREIGN KEY (image) REFERENCES image(id)
);

CREATE TABLE instance_event (
  seq bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  subject text NOT NULL,
  at timestamp with time zone NOT NULL,
  event text NOT NULL,
  from_state text,
  to_state text NOT NULL,
  intent text NOT NULL,
  allocation text,
  actor text NOT NULL,
  detail text,
  CONSTRAINT instance_event_pkey PRIMARY KEY (seq)
);
CREATE INDEX instance_event_subject ON instance_event USING btree (subject, seq);
CREATE TRIGGER instance_event_append_only BEFORE DELETE OR UPDATE ON instance_event FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE invoice_credit (
  invoice text NOT NULL,
  "position" integer NOT NULL,
  code text NOT NULL,
  about text NOT NULL,
  at timestamp with time zone NOT NULL,
  amount numeric(38,0) NOT NULL,
  explanation text,
  CONSTRAINT invoice_credit_pkey PRIMARY KEY (invoice, "position"),
  CONSTRAINT invoice_credit_invoice FOREIGN KEY (invoice) REFERENCES invoice(id)
);
CREATE TRIGGER invoice_credit_guarded BEFORE INSERT OR DELETE OR UPDATE ON invoice_credit FOR EACH ROW EXECUTE FUNCTION guard_invoice_part();

CREATE TABLE invoice_funding (
  invoice text NOT NULL,
  source text NOT NULL,
  exact numeric(38,0) NOT NULL,
  amount numeric(38,0) NOT NULL,
  CONSTRAINT invoice_funding_pkey PRIMARY KEY (invoice, source),
  CONSTRAINT invoice_funding_amount CHECK ((amount % 10000000::numeric) = 0::numeric),
  CONSTRAINT invoice_funding_source CHECK (source = ANY (ARRAY['promo'::text, 'prepaid'::text, 'absorbed'::text, 'due'::text])),
  CONSTRAINT invoice_funding_invoice FOREIGN KEY (invoice) REFERENCES invoice(id)
);
CREATE TRIGGER invoice_funding_guarded BEFORE INSERT OR DELETE OR UPDATE ON invoice_funding FOR EACH ROW EXECUTE FUNCTION guard_invoice_part();

CREATE TABLE invoice_line (
  invoice text NOT NULL,
  "position" integer NOT NULL,
  project text NOT NULL,
  project_name text NOT NULL,
  kind text NOT NULL,
  resource text,
  name text,
  reason text,
  sku text NOT NULL,
  unit text NOT NULL,
  price_book text NOT NULL,
  rate numeric(38,0) NOT NULL,
  unit_millis numeric(38,0) NOT NULL,
  exact numeric(38,0) NOT NULL,
  amount numeric(38,0) NOT NULL,
  CONSTRAINT invoice_line_pkey PRIMARY KEY (invoice, "position"),
  CONSTRAINT invoice_line_amount CHECK ((amount % 10000000::numeric) = 0::numeric AND abs(amount - exact) < 10000000::numeric),
  CONSTRAINT invoice_line_given_back CHECK ((reason IS NOT NULL) = (resource IS NOT NULL)),
  CONSTRAINT invoice_line_kind CHECK (kind = ANY (ARRAY['instance'::text, 'run'::text, 'volume'::text, 'snapshot'::text])),
  CONSTRAINT invoice_line_position CHECK ("position" > 0),
  CONSTRAINT invoice_line_invoice FOREIGN KEY (invoice) REFERENCES invoice(id),
  CONSTRAINT invoice_line_price_book FOREIGN KEY (price_book) REFERENCES price_book(id)
);
CREATE TRIGGER invoice_line_guarded BEFORE INSERT OR DELETE OR UPDATE ON invoice_line FOR EACH ROW EXECUTE FUNCTION guard_invoice_part();

CREATE TABLE invoice_tax (
  invoice text NOT NULL,
  "position" integer NOT NULL,
  name text NOT NULL,
  basis_points integer NOT NULL,
  note text,
  base numeric(38,0) NOT NULL,
  amount numeric(38,0) NOT NULL,
  CONSTRAINT invoice_tax_pkey PRIMARY KEY (invoice, "position"),
  CONSTRAINT invoice_tax_amount CHECK ((amount % 10000000::numeric) = 0::numeric),
  CONSTRAINT invoice_tax_invoice FOREIGN KEY (invoice) REFERENCES invoice(id)
);
CREATE TRIGGER invoice_tax_guarded BEFORE INSERT OR DELETE OR UPDATE ON invoice_tax FOR EACH ROW EXECUTE FUNCTION guard_invoice_part();

CREATE TABLE job_run (
  id text NOT NULL,
  organization text NOT NULL,
  project text NOT NULL,
  name text NOT NULL,
  image text NOT NULL,
  version text NOT NULL,
  flavor text NOT NULL,
  command jsonb NOT NULL,
  environment jsonb DEFAULT '{}'::jsonb NOT NULL,
  volume text,
  time_limit_ms bigint,
  created_by text NOT NULL,
  request_hash text NOT NULL,
  intent text NOT NULL,
  state text NOT NULL,
  outcome text,
  exit_code integer,
  exit_signal text,
  out_of_memory boolean DEFAULT false NOT NULL,
  reason text,
  elsewhere_count integer DEFAULT 0 NOT NULL,
  exited_cleanly boolean DEFAULT false NOT NULL,
  allocation text,
  log_complete boolean DEFAULT false NOT NULL,
  log_cursor text DEFAULT 'start'::text NOT NULL,
  log_bytes bigint DEFAULT 0 NOT NULL,
  created_at timestamp with time zone NOT NULL,
  changed_at timestamp with time zone NOT NULL,
  ended_at timestamp with time zone,
  asked_key text,
  cost_limit_nanos numeric(38,0),
  CONSTRAINT job_run_pkey PRIMARY KEY (id),
  CONSTRAINT job_run_cost_limit CHECK (cost_limit_nanos > 0::numeric),
  CONSTRAINT job_run_intent CHECK (intent = ANY (ARRAY['running'::text, 'stopped'::text])),
  CONSTRAINT job_run_live_allocation CHECK ((allocation IS NOT NULL) = (state = ANY (ARRAY['preparing'::text, 'running'::text, 'unreachable'::text, 'stopping'::text]))),
  CONSTRAINT job_run_outcome CHECK (outcome = ANY (ARRAY['failed'::text, 'elsewhere'::text, 'exited'::text, 'lost'::text, 'canceled'::text, 'timed_out'::text, 'unpaid'::text])),
  CONSTRAINT job_run_state CHECK (state = ANY (ARRAY['queued'::text, 'preparing'::text, 'running'::text, 'unreachable'::text, 'stopping'::text, 'succeeded'::text, 'failed'::text, 'canceled'::text, 'timed_out'::text])),
  CONSTRAINT job_run_allocation FOREIGN KEY (allocation) REFERENCES allocation(id),
  CONSTRAINT job_run_flavor FOREIGN KEY (flavor) REFERENCES flavor(id),
  CONSTRAINT job_run_organization FOREIGN KEY (organization) REFERENCES organization(id),
  CONSTRAINT job_run_project FOREIGN KEY (project) REFERENCES project(id),
  CONSTRAINT job_run_volume FOREIGN KEY (volume) REFERENCES volume(id)
);
CREATE INDEX job_run_due ON job_run USING btree (state) WHERE state = ANY (ARRAY['preparing'::text, 'running'::text, 'unreachable'::text, 'stopping'::text]);
CREATE INDEX job_run_project_created ON job_run USING btree (project, created_at);
CREATE INDEX job_run_project_name ON job_run USING btree (project, name, id);

CREATE TABLE journal (
  organization text NOT NULL,
  floor timestamp with time zone NOT NULL,
  CONSTRAINT journal_pkey PRIMARY KEY (organization),
  CONSTRAINT journal_organization FOREIGN KEY (organization) REFERENCES organization(id)
);

CREATE TABLE lot_use (
  transfer text NOT NULL,
  number integer NOT NULL,
  lot text NOT NULL,
  kind text NOT NULL,
  amount numeric(38,0) NOT NULL,
  returned text,
  CONSTRAINT lot_use_pkey PRIMARY KEY (transfer, number),
  CONSTRAINT lot_use_amount_must_be_positive CHECK (amount > 0::numeric),
  CONSTRAINT lot_use_kind CHECK (kind = ANY (ARRAY['reserve'::text, 'settle'::text, 'release'::text, 'use'::text, 'return'::text, 'expire'::text, 'renew'::text])),
  CONSTRAINT lot_use_return_named CHECK ((returned IS NOT NULL) = (kind = 'return'::text)),
  CONSTRAINT lot_use_lot FOREIGN KEY (lot) REFERENCES credit_lot(id),
  CONSTRAINT lot_use_returned FOREIGN KEY (returned) REFERENCES transfer(id),
  CONSTRAINT lot_use_transfer FOREIGN KEY (transfer) REFERENCES transfer(id)
);
CREATE INDEX lot_use_lot ON lot_use USING btree (lot);
CREATE INDEX lot_use_returns ON lot_use USING btree (returned) WHERE returned IS NOT NULL;
CREATE TRIGGER lot_use_append_only BEFORE DELETE OR UPDATE ON lot_use FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER lot_use_never_emptied BEFORE TRUNCATE ON lot_use FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE mail (
  id text NOT NULL,
  notice text NOT NULL,
  person text NOT NULL,
  address text NOT NULL,
  language text NOT NULL,
  state text NOT NULL,
  tries integer DEFAULT 0 NOT NULL,
  due_at timestamp with time zone,
  created_at timestamp with time zone NOT NULL,
  ended_at timestamp with time zone,
  error text,
  CONSTRAINT mail_pkey PRIMARY KEY (id),
  CONSTRAINT mail_once UNIQUE (notice, address),
  CONSTRAINT mail_due CHECK ((due_at IS NOT NULL) = (state = 'waiting'::text)),
  CONSTRAINT mail_language CHECK (language = ANY (ARRAY['en'::text, 'zh'::text])),
  CONSTRAINT mail_state CHECK (state = ANY (ARRAY['waiting'::text, 'handed'::text, 'sent'::text, 'failed'::text, 'in_doubt'::text])),
  CONSTRAINT mail_notice FOREIGN KEY (notice) REFERENCES notice(id) ON DELETE CASCADE,
  CONSTRAINT mail_person FOREIGN KEY (person) REFERENCES person(id)
);
CREATE INDEX mail_handed ON mail USING btree (id) WHERE state = 'handed'::text;
CREATE INDEX mail_waiting ON mail USING btree (due_at) WHERE state = 'waiting'::text;

CREATE TABLE member (
  organization text NOT NULL,
  person text NOT NULL,
  role text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT member_pkey PRIMARY KEY (organization, person),
  CONSTRAINT member_role CHECK (role = ANY (ARRAY['owner'::text, 'admin'::text, 'member'::text, 'billing'::text, 'viewer'::text])),
  CONSTRAINT member_organization FOREIGN KEY (organization) REFERENCES organization(id),
  CONSTRAINT member_person FOREIGN KEY (person) REFERENCES person(id)
);

CREATE TABLE migration (
  number integer NOT NULL,
  name text NOT NULL,
  hash text NOT NULL,
  applied_at timestamp with time zone NOT NULL,
  CONSTRAINT migration_pkey PRIMARY KEY (number)
);

CREATE TABLE number_series (
  series text NOT NULL,
  next bigint NOT NULL,
  CONSTRAINT number_series_pkey PRIMARY KEY (series),
  CONSTRAINT number_series_positive CHECK (next > 0)
);

CREATE TABLE paper (
  document text NOT NULL,
  name text NOT NULL,
  object_key text NOT NULL,
  sha256 text NOT NULL,
  size_bytes bigint NOT NULL,
  stored_at timestamp with time zone NOT NULL,
  CONSTRAINT paper_pkey PRIMARY KEY (document, name),
  CONSTRAINT paper_key_unique UNIQUE (object_key)
);
CREATE TRIGGER paper_append_only BEFORE DELETE OR UPDATE ON paper FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE payment (
  id text NOT NULL,
  organization text NOT NULL,
  person text NOT NULL,
  amount numeric(38,0) NOT NULL,
  currency text NOT NULL,
  state text NOT NULL,
  checkout text,
  intent text,
  url text,
  asked_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  credited_at timestamp with time zone,
  trouble text,
  look_at timestamp with time zone,
  CONSTRAINT payment_pkey PRIMARY KEY (id),
  CONSTRAINT payment_checkout_unique UNIQUE (checkout),
  CONSTRAINT payment_intent_unique UNIQUE (intent),
  CONSTRAINT payment_amount CHECK (amount > 0::numeric),
  CONSTRAINT payment_credited CHECK (credited_at IS NULL OR state = 'paid'::text),
  CONSTRAINT payment_currency CHECK (currency = ANY (ARRAY['USD'::text, 'EUR'::text])),
  CONSTRAINT payment_state CHECK (state = ANY (ARRAY['asked'::text, 'open'::text, 'processing'::text, 'failed'::text, 'expired'::text, 'mismatched'::text, 'paid'::text])),
  CONSTRAINT payment_organization FOREIGN KEY (organization) REFERENCES organization(id),
  CONSTRAINT payment_person FOREIGN KEY (person) REFERENCES person(id)
);
CREATE INDEX payment_look ON payment USING btree (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX payment_organization_asked ON payment USING btree (organization, asked_at, id);
CREATE INDEX payment_trouble ON payment USING btree (asked_at) WHERE trouble IS NOT NULL;

CREATE TABLE payment_event (
  id text NOT NULL,
  type text NOT NULL,
  about text NOT NULL,
  payment text,
  outcome text NOT NULL,
  detail text,
  recorded_at timestamp with time zone NOT NULL,
  CONSTRAINT payment_event_pkey PRIMARY KEY (id),
  CONSTRAINT payment_event_outcome CHECK (outcome = ANY (ARRAY['applied'::text, 'unknown'::text, 'foreign'::text, 'trouble'::text])),
  CONSTRAINT payment_event_payment FOREIGN KEY (payment) REFERENCES payment(id)
);
CREATE INDEX payment_event_payment ON payment_event USING btree (payment);
CREATE INDEX payment_event_trouble ON payment_event USING btree (recorded_at) WHERE outcome = 'trouble'::text;
CREATE TRIGGER payment_event_append_only BEFORE DELETE OR UPDATE ON payment_event FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE payment_return (
  id text NOT NULL,
  kind text NOT NULL,
  intent text NOT NULL,
  vendor_id text,
  amount numeric(38,0) NOT NULL,
  currency text NOT NULL,
  is_begun boolean NOT NULL,
  is_undone boolean NOT NULL,
  asked_by text,
  refused text,
  recorded_at timestamp with time zone NOT NULL,
  taken numeric(38,0) DEFAULT 0 NOT NULL,
  steps integer DEFAULT 0 NOT NULL,
  ask_at timestamp with time zone,
  CONSTRAINT payment_return_pkey PRIMARY KEY (id),
  CONSTRAINT payment_return_vendor_unique UNIQUE (vendor_id),
  CONSTRAINT payment_return_amount CHECK (amount > 0::numeric),
  CONSTRAINT payment_return_asked CHECK (vendor_id IS NOT NULL OR asked_by IS NOT NULL),
  CONSTRAINT payment_return_kind CHECK (kind = ANY (ARRAY['refund'::text, 'dispute'::text])),
  CONSTRAINT payment_return_taken CHECK (taken >= 0::numeric),
  CONSTRAINT payment_return_asked_by FOREIGN KEY (asked_by) REFERENCES person(id)
);
CREATE INDEX payment_return_ask ON payment_return USING btree (ask_at) WHERE ask_at IS NOT NULL;
CREATE INDEX payment_return_intent ON payment_return USING btree (intent);

CREATE TABLE placement_request (
  subject text NOT NULL,
  organization text NOT NULL,
  project text NOT NULL,
  flavor text NOT NULL,
  image text NOT NULL,
  version text NOT NULL,
  requested_at timestamp with time zone NOT NULL,
  not_before timestamp with time zone,
  reason text,
  "position" integer,
  CONSTRAINT placement_request_pkey PRIMARY KEY (subject),
  CONSTRAINT placement_request_flavor FOREIGN KEY (flavor) REFERENCES flavor(id),
  CONSTRAINT placement_request_organization FOREIGN KEY (organization) REFERENCES organization(id),
  CONSTRAINT placement_request_project FOREIGN KEY (project) REFERENCES project(id)
);
CREATE INDEX placement_request_order ON placement_request USING btree (requested_at, subject);

CREATE TABLE price_book_end (
  price_book text NOT NULL,
  ends_at timestamp with time zone NOT NULL,
  recorded_at timestamp with time zone NOT NULL,
  CONSTRAINT price_book_end_pkey PRIMARY KEY (price_book),
  CONSTRAINT price_book_end_announced CHECK (ends_at >= recorded_at),
  CONSTRAINT price_book_end_price_book FOREIGN KEY (price_book) REFERENCES price_book(id)
);
CREATE TRIGGER price_book_end_append_only BEFORE DELETE OR UPDATE ON price_book_end FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE promo_code (
  id text NOT NULL,
  code text NOT NULL,
  amount numeric(38,0) NOT NULL,
  currency text NOT NULL,
  expires_at timestamp with time zone,
  credit_days integer,
  redemptions_max integer NOT NULL,
  redemptions integer DEFAULT 0 NOT NULL,
  made_by text NOT NULL,
  made_at timestamp with time zone NOT NULL,
  withdrawn_at timestamp with time zone,
  CONSTRAINT promo_code_pkey PRIMARY KEY (id),
  CONSTRAINT promo_code_unique UNIQUE (code),
  CONSTRAINT promo_code_amount CHECK (amount > 0::numeric),
  CONSTRAINT promo_code_credit_days CHECK (credit_days > 0),
  CONSTRAINT promo_code_currency CHECK (currency = ANY (ARRAY['USD'::text, 'EUR'::text])),
  CONSTRAINT promo_code_form CHECK (code = upper(code)),
  CONSTRAINT promo_code_redemptions_max CHECK (redemptions_max > 0),
  CONSTRAINT promo_code_used_up CHECK (redemptions >= 0 AND redemptions <= redemptions_max),
  CONSTRAINT promo_code_made_by FOREIGN KEY (made_by) REFERENCES person(id)
);

CREATE TABLE proof (
  id text NOT NULL,
  image text NOT NULL,
  version text NOT NULL,
  digest text NOT NULL,
  name text NOT NULL,
  ok boolean NOT NULL,
  duration_ms integer NOT NULL,
  detail jsonb NOT NULL,
  driver text,
  gpu text,
  at timestamp with time zone NOT NULL,
  CONSTRAINT proof_pkey PRIMARY KEY (id),
  CONSTRAINT proof_image FOREIGN KEY (image) REFERENCES image(id)
);
CREATE INDEX proof_digest ON proof USING btree (digest, at);

CREATE TABLE rate (
  price_book text NOT NULL,
  sku text NOT NULL,
  unit text NOT NULL,
  nanos bigint NOT NULL,
  CONSTRAINT rate_pkey PRIMARY KEY (price_book, sku),
  CONSTRAINT rate_nanos CHECK (nanos >= 0),
  CONSTRAINT rate_unit CHECK (unit = ANY (ARRAY['gpu-hour'::text, 'vcpu-hour'::text, 'gib-hour'::text])),
  CONSTRAINT rate_price_book FOREIGN KEY (price_book) REFERENCES price_book(id)
);
CREATE TRIGGER rate_append_only BEFORE DELETE OR UPDATE ON rate FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE redemption (
  id text NOT NULL,
  promo_code text NOT NULL,
  organization text NOT NULL,
  person text NOT NULL,
  redeemed_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone,
  CONSTRAINT redemption_pkey PRIMARY KEY (id),
  CONSTRAINT redemption_once UNIQUE (promo_code, organization),
  CONSTRAINT redemption_organization FOREIGN KEY (organization) REFERENCES organization(id),
  CONSTRAINT redemption_person FOREIGN KEY (person) REFERENCES person(id),
  CONSTRAINT redemption_promo_code FOREIGN KEY (promo_code) REFERENCES promo_code(id)
);

CREATE TABLE repricing (
  resource text NOT NULL,
  price_book text NOT NULL,
  holds_from timestamp with time zone NOT NULL,
  announced_at timestamp with time zone NOT NULL,
  due_at timestamp with time zone NOT NULL,
  done_at timestamp with time zone,
  outcome text,
  CONSTRAINT repricing_pkey PRIMARY KEY (resource, price_book, holds_from),
  CONSTRAINT repricing_ahead CHECK (due_at > announced_at AND due_at >= holds_from),
  CONSTRAINT repricing_done CHECK ((done_at IS NULL) = (outcome IS NULL) AND done_at >= due_at),
  CONSTRAINT repricing_outcome CHECK (outcome = ANY (ARRAY['applied'::text, 'dropped'::text])),
  CONSTRAINT repricing_head FOREIGN KEY (resource) REFERENCES journal_head(resource),
  CONSTRAINT repricing_price_book FOREIGN KEY (price_book) REFERENCES price_book(id)
);
CREATE INDEX repricing_due ON repricing USING btree (due_at, resource) WHERE done_at IS NULL;

CREATE TABLE route (
  subject text NOT NULL,
  port integer NOT NULL,
  allocation text NOT NULL,
  host text NOT NULL,
  target_port integer NOT NULL,
  CONSTRAINT route_pkey PRIMARY KEY (subject, port),
  CONSTRAINT route_allocation FOREIGN KEY (allocation) REFERENCES allocation(id)
);

CREATE TABLE seller (
  id text NOT NULL,
  legal_name text NOT NULL,
  address text NOT NULL,
  tax_id text,
  bank text,
  contact text,
  terms text,
  updated_at timestamp with time zone NOT NULL,
  CONSTRAINT seller_pkey PRIMARY KEY (id),
  CONSTRAINT seller_one CHECK (id = 'platform'::text)
);

CREATE TABLE spell (
  allocation text NOT NULL,
  from_at timestamp with time zone NOT NULL,
  to_at timestamp with time zone,
  CONSTRAINT spell_pkey PRIMARY KEY (allocation, from_at),
  CONSTRAINT spell_no_overlap EXCLUDE USING gist (allocation WITH =, tstzrange(from_at, to_at) WITH &&),
  CONSTRAINT spell_forward CHECK (to_at IS NULL OR to_at >= from_at),
  CONSTRAINT spell_head FOREIGN KEY (allocation) REFERENCES journal_head(resource)
);
CREATE INDEX spell_open ON spell USING btree (allocation) WHERE to_at IS NULL;

CREATE TABLE ssh_key (
  id text NOT NULL,
  person text NOT NULL,
  name text NOT NULL,
  public_key text NOT NULL,
  fingerprint text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  last_used_at timestamp with time zone,
  CONSTRAINT ssh_key_pkey PRIMARY KEY (id),
  CONSTRAINT ssh_key_fingerprint_unique UNIQUE (fingerprint),
  CONSTRAINT ssh_key_person FOREIGN KEY (person) REFERENCES person(id)
);

CREATE TABLE tax_rule (
  organization text NOT NULL,
  name text NOT NULL,
  basis_points integer NOT NULL,
  note text,
  updated_at timestamp with time zone NOT NULL,
  CONSTRAINT tax_rule_pkey PRIMARY KEY (organization),
  CONSTRAINT tax_rule_basis_points CHECK (basis_points >= 0 AND basis_points <= 10000),
  CONSTRAINT tax_rule_organization FOREIGN KEY (organization) REFERENCES organization(id)
);

CREATE TABLE usage_event (
  resource text NOT NULL,
  seq integer NOT NULL,
  type text NOT NULL,
  at timestamp with time zone NOT NULL,
  recorded_at timestamp with time zone NOT NULL,
  data jsonb NOT NULL,
  prev_hash text NOT NULL,
  hash text NOT NULL,
  CONSTRAINT usage_event_pkey PRIMARY KEY (resource, seq),
  CONSTRAINT usage_event_order CHECK (at <= recorded_at AND seq >= 1),
  CONSTRAINT usage_event_head FOREIGN KEY (resource) REFERENCES journal_head(resource)
);
CREATE TRIGGER usage_event_append_only BEFORE DELETE OR UPDATE ON usage_event FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE webhook_secret (
  webhook text NOT NULL,
  number integer NOT NULL,
  secret text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone,
  CONSTRAINT webhook_secret_pkey PRIMARY KEY (webhook, number),
  CONSTRAINT webhook_secret_webhook FOREIGN KEY (webhook) REFERENCES webhook(id)
);
