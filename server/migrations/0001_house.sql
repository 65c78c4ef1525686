-- The house: every table of the first path, room by room, in the order in which rooms may know each other.

create extension if not exists btree_gist;

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'rows of % are append-only', tg_table_name using errcode = 'restrict_violation';
end $$;

-- tenancy ------------------------------------------------------------------------------------

create table organization (
  id text constraint organization_pkey primary key,
  name text not null,
  currency text not null constraint organization_currency check (currency in ('USD', 'EUR')),
  time_zone text not null default 'UTC',
  created_at timestamptz not null
);

create table project (
  id text constraint project_pkey primary key,
  organization text not null constraint project_organization references organization,
  name text not null,
  created_at timestamptz not null,
  constraint project_name_unique unique (organization, name)
);

create table person (
  id text constraint person_pkey primary key,
  -- The user of this person in schema identity; null until the first sign-in.
  identity_user text constraint person_identity_user_unique unique,
  email text not null constraint person_email_unique unique,
  name text not null,
  is_operator boolean not null default false,
  created_at timestamptz not null
);

create table member (
  organization text not null constraint member_organization references organization,
  person text not null constraint member_person references person,
  role text not null constraint member_role check (role in ('owner', 'admin', 'member', 'billing', 'viewer')),
  created_at timestamptz not null,
  constraint member_pkey primary key (organization, person)
);

create table api_key (
  id text constraint api_key_pkey primary key,
  organization text not null constraint api_key_organization references organization,
  project text constraint api_key_project references project,
  person text not null constraint api_key_person references person,
  name text not null,
  hash text not null constraint api_key_hash_unique unique,
  -- The first characters, to recognise it by.
  hint text not null,
  actions text[] not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);

create table ssh_key (
  id text constraint ssh_key_pkey primary key,
  person text not null constraint ssh_key_person references person,
  name text not null,
  public_key text not null,
  fingerprint text not null constraint ssh_key_fingerprint_unique unique,
  created_at timestamptz not null,
  last_used_at timestamptz
);

create table audit (
  id text constraint audit_pkey primary key,
  at timestamptz not null,
  organization text,
  actor text not null,
  action text not null,
  target text not null,
  before_digest text,
  after_digest text,
  request_id text not null
);
create index audit_organization_at on audit (organization, at);
create trigger audit_append_only before update or delete on audit for each row execute function refuse_change();

create table idempotency_key (
  principal text not null,
  key text not null,
  request_hash text not null,
  response jsonb not null,
  created_at timestamptz not null,
  constraint idempotency_key_pkey primary key (principal, key)
);

-- journal ------------------------------------------------------------------------------------

-- One row per organization: the lock of its journals, and the instant before which nothing is recorded any more.
create table journal (
  organization text constraint journal_pkey primary key constraint journal_organization references organization,
  floor timestamptz not null
);

-- One row per resource that costs or could cost money: the end of its chain.
create table journal_head (
  resource text constraint journal_head_pkey primary key,
  organization text not null constraint journal_head_organization references organization,
  seq integer not null,
  hash text not null,
  recorded_at timestamptz not null,
  -- When the first event since the last settlement was recorded; null: nothing new.
  due_since timestamptz,
  -- At the last settlement time alone made it cost more.
  accrues boolean not null
);
create index journal_head_organization_resource on journal_head (organization, resource);
create index journal_head_due on journal_head (organization) where due_since is not null or accrues;

create table usage_event (
  resource text not null constraint usage_event_head references journal_head,
  seq integer not null,
  type text not null,
  at timestamptz not null,
  recorded_at timestamptz not null,
  data jsonb not null,
  prev_hash text not null,
  hash text not null,
  constraint usage_event_pkey primary key (resource, seq),
  constraint usage_event_order check (at <= recorded_at and seq >= 1)
);
create trigger usage_event_append_only before update or delete on usage_event
  for each row execute function refuse_change();

-- metering -----------------------------------------------------------------------------------

create table spell (
  allocation text not null constraint spell_head references journal_head,
  from_at timestamptz not null,
  -- Null while it is open.
  to_at timestamptz,
  constraint spell_pkey primary key (allocation, from_at),
  constraint spell_forward check (to_at is null or to_at >= from_at),
  constraint spell_no_overlap exclude using gist (allocation with =, tstzrange(from_at, to_at) with &&)
);
create index spell_open on spell (allocation) where to_at is null;

-- catalog ------------------------------------------------------------------------------------

create table image (
  id text constraint image_pkey primary key,
  title jsonb not null,
  description jsonb not null,
  publisher text not null,
  licences jsonb not null,
  created_at timestamptz not null
);

create table image_version (
  id text constraint image_version_pkey primary key,
  image text not null constraint image_version_image references image,
  version text not null,
  digest text not null,
  -- Digest of the recipe that it was built from: an unchanged recipe is not built again.
  recipe text not null,
  needs jsonb not null,
  size_bytes bigint not null,
  offered_at timestamptz not null,
  withdrawn_at timestamptz,
  constraint image_version_digest_unique unique (image, version, digest)
);
create unique index image_version_offered on image_version (image, version) where withdrawn_at is null;

create table image_build (
  id text constraint image_build_pkey primary key,
  image text not null constraint image_build_image references image,
  version text not null,
  recipe text not null,
  state text not null constraint image_build_state
    check (state in ('waiting', 'building', 'proving', 'done', 'failed')),
  step integer not null default 0,
  steps integer not null default 0,
  title text not null default '',
  bytes_done bigint,
  bytes_total bigint,
  attempt integer not null default 0,
  error text,
  requested_at timestamptz not null,
  started_at timestamptz,
  ended_at timestamptz,
  constraint image_build_recipe_unique unique (image, version, recipe)
);

create table proof (
  id text constraint proof_pkey primary key,
  image text not null constraint proof_image references image,
  version text not null,
  digest text not null,
  name text not null,
  ok boolean not null,
  duration_ms integer not null,
  detail jsonb not null,
  driver text,
  gpu text,
  at timestamptz not null
);
create index proof_digest on proof (digest, at);

create table flavor (
  id text constraint flavor_pkey primary key,
  cpus integer not null constraint flavor_cpus check (cpus > 0),
  memory_gib integer not null constraint flavor_memory check (memory_gib > 0),
  disk_gib integer not null constraint flavor_disk check (disk_gib > 0),
  gpu_model text,
  gpu_count integer not null default 0,
  -- [{sku, quantity}]: what an hour of it costs by the price book.
  lines jsonb not null,
  withdrawn_at timestamptz,
  constraint flavor_gpu check ((gpu_model is null) = (gpu_count = 0))
);

-- pricing ------------------------------------------------------------------------------------

create table price_book (
  id text constraint price_book_pkey primary key,
  currency text not null,
  effective_from timestamptz not null,
  published_at timestamptz not null,
  hash text not null,
  constraint price_book_dated unique (currency, effective_from)
);
create trigger price_book_append_only before update or delete on price_book
  for each row execute function refuse_change();

create table rate (
  price_book text not null constraint rate_price_book references price_book,
  sku text not null,
  unit text not null constraint rate_unit check (unit in ('gpu-hour', 'vcpu-hour', 'gib-hour')),
  nanos bigint not null constraint rate_nanos check (nanos >= 0),
  constraint rate_pkey primary key (price_book, sku)
);
create trigger rate_append_only before update or delete on rate for each row execute function refuse_change();

-- ledger -------------------------------------------------------------------------------------

create table ledger_account (
  id text constraint ledger_account_pkey primary key,
  -- An organization's id, or 'platform'.
  owner text not null,
  code text not null constraint ledger_account_code check (code in
    ('customer', 'receivable', 'cash', 'revenue', 'promo_expense', 'absorbed', 'breakage', 'tax', 'rounding')),
  currency text not null,
  limit_rule text constraint ledger_account_limit_rule check (limit_rule in
    ('debits_must_not_exceed_credits', 'credits_must_not_exceed_debits')),
  -- Running totals are kept for organizations' accounts only; ours are summed on read, so that no row is hot.
  debits_pending numeric(38, 0) not null default 0,
  debits_posted numeric(38, 0) not null default 0,
  credits_pending numeric(38, 0) not null default 0,
  credits_posted numeric(38, 0) not null default 0,
  created_at timestamptz not null,
  closed_at timestamptz,
  constraint ledger_account_one_per_code unique (owner, code, currency),
  constraint ledger_account_totals check
    (debits_pending >= 0 and debits_posted >= 0 and credits_pending >= 0 and credits_posted >= 0),
  constraint ledger_account_exceeds_credits check (limit_rule is distinct from 'debits_must_not_exceed_credits'
    or credits_posted - debits_posted - debits_pending >= 0),
  constraint ledger_account_exceeds_debits check (limit_rule is distinct from 'credits_must_not_exceed_debits'
    or debits_posted - credits_posted - credits_pending >= 0)
);

create table transfer (
  id text constraint transfer_pkey primary key,
  kind text not null constraint transfer_kind check (kind in ('post', 'hold', 'settle', 'release')),
  -- The hold that a settle or a release is about.
  hold text constraint transfer_hold references transfer,
  debit text not null constraint transfer_debit references ledger_account,
  credit text not null constraint transfer_credit references ledger_account,
  amount numeric(38, 0) not null,
  code text not null,
  -- The allocation, volume, invoice or person that it is about.
  about text not null,
  booked_at timestamptz not null,
  recorded_at timestamptz not null,
  constraint transfer_accounts_must_differ check (debit <> credit),
  constraint transfer_amount_must_be_positive check (amount > 0 or kind = 'release'),
  constraint transfer_hold_named check ((hold is not null) = (kind in ('settle', 'release')))
);
create index transfer_hold_moves on transfer (hold) where hold is not null;
create unique index transfer_one_release on transfer (hold) where kind = 'release';
create index transfer_debit_booked on transfer (debit, booked_at, id);
create index transfer_credit_booked on transfer (credit, booked_at, id);
create index transfer_about on transfer (about);
create trigger transfer_append_only before update or delete on transfer for each row execute function refuse_change();

-- placement ----------------------------------------------------------------------------------

create table node (
  id text constraint node_pkey primary key,
  driver text not null,
  name text not null,
  engine_id text not null,
  boot_id text not null,
  cpus integer not null,
  memory_gib integer not null,
  disk_gib integer not null,
  gpu_driver text,
  cuda_driver text,
  missing jsonb not null default '[]',
  status text not null default 'ready' constraint node_status check (status in ('ready', 'draining', 'fenced')),
  -- When it last answered, by our clock.
  seen_at timestamptz not null,
  registered_at timestamptz not null,
  constraint node_name_unique unique (driver, name)
);

create table device (
  id text constraint device_pkey primary key,
  node text not null constraint device_node references node,
  model text not null,
  memory_mib integer not null,
  healthy boolean not null
);

-- The queue of everything that waits for devices, first come, first served.
create table placement_request (
  -- An instance or a run.
  subject text constraint placement_request_pkey primary key,
  organization text not null constraint placement_request_organization references organization,
  project text not null constraint placement_request_project references project,
  flavor text not null constraint placement_request_flavor references flavor,
  image text not null,
  version text not null,
  requested_at timestamptz not null,
  not_before timestamptz,
  -- Why it waits: capacity, image_building, backing_off.
  reason text,
  position integer
);
create index placement_request_order on placement_request (requested_at, subject);

create table lease (
  id text constraint lease_pkey primary key,
  organization text not null constraint lease_organization references organization,
  -- Runs only while a spell is open; null otherwise.
  until timestamptz,
  ended_at timestamptz
);
create index lease_due on lease (until) where until is not null;

create table allocation (
  id text constraint allocation_pkey primary key,
  subject text not null,
  organization text not null constraint allocation_organization references organization,
  project text not null constraint allocation_project references project,
  node text not null constraint allocation_node references node,
  lease text not null constraint allocation_lease references lease,
  flavor text not null,
  cpus integer not null,
  memory_gib integer not null,
  disk_gib integer not null,
  image_version text not null constraint allocation_image_version references image_version,
  price_book text not null constraint allocation_price_book references price_book,
  lines jsonb not null,
  allocated_at timestamptz not null,
  -- The node's reading of the start that was seen: another one is another process.
  node_started_at timestamptz,
  -- When it was first seen started, by our clock: the readiness deadline counts from here.
  started_seen_at timestamptz,
  ready_at timestamptz,
  last_seen_at timestamptz,
  -- The last sighting before a silence that the journal already tells of; null while it is sighted.
  silent_since timestamptz,
  -- When its end was recorded: an end is told once.
  ended_at timestamptz,
  -- Engine facts for people: stage and bytes while it is prepared.
  stage text,
  bytes_done bigint,
  bytes_total bigint,
  -- Set once the journal holds an event that closes it for good.
  closed_at timestamptz,
  released_at timestamptz
);
create unique index allocation_one_live on allocation (subject) where released_at is null;
create index allocation_live_node on allocation (node) where released_at is null;
create index allocation_organization on allocation (organization);
create index allocation_subject on allocation (subject);
create index allocation_lease on allocation (lease);

create table allocation_device (
  allocation text not null constraint allocation_device_allocation references allocation,
  device text not null constraint allocation_device_device references device,
  released boolean not null default false,
  constraint allocation_device_pkey primary key (allocation, device)
);
create unique index allocation_device_given_once on allocation_device (device) where not released;

-- storage ------------------------------------------------------------------------------------

create table volume (
  id text constraint volume_pkey primary key,
  organization text not null constraint volume_organization references organization,
  project text not null constraint volume_project references project,
  name text not null,
  size_gib integer not null constraint volume_size check (size_gib > 0),
  -- The instance whose home it was made as: it goes when that instance is deleted.
  home_of text,
  -- The subject that has it mounted now.
  attached_to text,
  node text constraint volume_node references node,
  -- Where it lies on its node, once the storage has made it.
  path text,
  requested_at timestamptz not null,
  created_at timestamptz,
  deleted_at timestamptz,
  purged_at timestamptz
);
create unique index volume_name_unique on volume (project, name) where deleted_at is null;
create index volume_due on volume (id) where created_at is null or (deleted_at is not null and purged_at is null);

-- compute ------------------------------------------------------------------------------------

create table instance (
  id text constraint instance_pkey primary key,
  organization text not null constraint instance_organization references organization,
  project text not null constraint instance_project references project,
  name text not null,
  image text not null,
  version text not null,
  flavor text not null constraint instance_flavor references flavor,
  home text not null constraint instance_home references volume,
  created_by text not null,
  request_hash text not null,
  intent text not null constraint instance_intent check (intent in ('running', 'stopped', 'deleted')),
  state text not null constraint instance_state check (state in
    ('queued', 'preparing', 'running', 'unreachable', 'stopping', 'stopped', 'failed', 'deleting', 'deleted')),
  outcome text constraint instance_outcome check (outcome in ('failed', 'elsewhere', 'exited', 'lost')),
  -- Of an exit: code, signal and whether memory ran out; of a failure: why, for the person.
  exit_code integer,
  exit_signal text,
  out_of_memory boolean not null default false,
  reason text,
  elsewhere_count integer not null default 0,
  -- Exited 0, or by a TERM or INT that we did not send, and not for want of memory.
  exited_cleanly boolean not null default false,
  allocation text constraint instance_allocation references allocation,
  -- Made once, so that known_hosts stays quiet and the notebook's door keeps its key across stops.
  ssh_host_key text not null,
  ssh_host_public_key text not null,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  constraint instance_live_allocation check
    ((allocation is not null) = (state in ('preparing', 'running', 'unreachable', 'stopping')))
);
create unique index instance_name_unique on instance (project, name) where state <> 'deleted';
create index instance_due on instance (state) where state in ('preparing', 'running', 'unreachable', 'stopping', 'deleting');
create unique index instance_allocation_unique on instance (allocation) where allocation is not null;

-- One change of an instance's or a run's intent or state, for people to read.
create table instance_event (
  seq bigint generated always as identity constraint instance_event_pkey primary key,
  subject text not null,
  at timestamptz not null,
  event text not null,
  from_state text,
  to_state text not null,
  intent text not null,
  allocation text,
  actor text not null,
  detail text
);
create index instance_event_subject on instance_event (subject, seq);
create trigger instance_event_append_only before update or delete on instance_event
  for each row execute function refuse_change();

-- Something that cannot happen by the invariants happened: for the operator.
create table anomaly (
  seq bigint generated always as identity constraint anomaly_pkey primary key,
  at timestamptz not null,
  subject text not null,
  event text not null,
  state text not null,
  detail text not null
);

-- What the gateway dials: written by the observer.
create table route (
  subject text not null,
  port integer not null,
  allocation text not null constraint route_allocation references allocation,
  host text not null,
  target_port integer not null,
  constraint route_pkey primary key (subject, port)
);

-- The secrets of an allocation: the door's token and the gateway's key, gone with the allocation.
create table door (
  allocation text constraint door_pkey primary key constraint door_allocation references allocation,
  jupyter_token text not null,
  gateway_key text not null,
  gateway_public_key text not null
);

-- jobs ---------------------------------------------------------------------------------------

create table job_run (
  id text constraint job_run_pkey primary key,
  organization text not null constraint job_run_organization references organization,
  project text not null constraint job_run_project references project,
  name text not null,
  image text not null,
  version text not null,
  flavor text not null constraint job_run_flavor references flavor,
  command jsonb not null,
  environment jsonb not null default '{}',
  -- The volume mounted as home; null: the home is scratch.
  volume text constraint job_run_volume references volume,
  time_limit_ms bigint,
  created_by text not null,
  request_hash text not null,
  intent text not null constraint job_run_intent check (intent in ('running', 'stopped')),
  state text not null constraint job_run_state check (state in
    ('queued', 'preparing', 'running', 'unreachable', 'stopping', 'succeeded', 'failed', 'canceled', 'timed_out')),
  outcome text constraint job_run_outcome check (outcome in
    ('failed', 'elsewhere', 'exited', 'lost', 'canceled', 'timed_out', 'unpaid')),
  exit_code integer,
  exit_signal text,
  out_of_memory boolean not null default false,
  reason text,
  elsewhere_count integer not null default 0,
  -- Exited 0, or by a TERM or INT that we did not send, and not for want of memory.
  exited_cleanly boolean not null default false,
  allocation text constraint job_run_allocation references allocation,
  -- The whole log is kept (true once the log keeper has read to the end).
  log_complete boolean not null default false,
  log_cursor text not null default 'start',
  log_bytes bigint not null default 0,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  ended_at timestamptz,
  constraint job_run_live_allocation check
    ((allocation is not null) = (state in ('preparing', 'running', 'unreachable', 'stopping')))
);
create index job_run_due on job_run (state) where state in ('preparing', 'running', 'unreachable', 'stopping');
create index job_run_project_created on job_run (project, created_at);

-- billing ------------------------------------------------------------------------------------

create table charge (
  id text constraint charge_pkey primary key,
  organization text not null constraint charge_organization references organization,
  resource text not null constraint charge_resource references journal_head,
  sku text not null,
  price_book text not null constraint charge_price_book references price_book,
  seq integer not null,
  up_to timestamptz not null,
  unit_millis_before numeric(38, 0) not null,
  unit_millis numeric(38, 0) not null,
  nanos numeric(38, 0) not null,
  amount numeric(38, 0) not null,
  reason text,
  recorded_at timestamptz not null,
  constraint charge_seq_unique unique (resource, sku, price_book, seq),
  constraint charge_step check (unit_millis <> 0 and unit_millis_before >= 0 and unit_millis_before + unit_millis >= 0),
  constraint charge_reason check ((reason is not null) = (unit_millis < 0))
);
create index charge_organization_up_to on charge (organization, up_to);
create trigger charge_append_only before update or delete on charge for each row execute function refuse_change();

-- Instants at which every resource of the organization was settled.
create table boundary (
  organization text not null constraint boundary_organization references organization,
  at timestamptz not null,
  constraint boundary_pkey primary key (organization, at)
);
