-- Invoices and credit notes: closed periods, what was issued for them, by whom to whom, and their papers.

-- Who issues invoices: one row, set by an operator. Invoices keep what it held when they were finalised.
create table seller (
  id text constraint seller_pkey primary key constraint seller_one check (id = 'platform'),
  legal_name text not null,
  address text not null,
  tax_id text,
  -- Where money can be sent: bank, account, reference; lines of text.
  bank text,
  contact text,
  -- When what is due is to be paid.
  terms text,
  updated_at timestamptz not null
);

-- Who an organization's invoices are made out to; without a row, its name.
create table buyer (
  organization text constraint buyer_pkey primary key constraint buyer_organization references organization,
  legal_name text not null,
  address text not null,
  tax_id text,
  -- What the buyer wants to find on its invoices: an order number, a cost centre.
  reference text,
  updated_at timestamptz not null
);

-- A fixed rate of tax for an organization; without a row there is none.
create table tax_rule (
  organization text constraint tax_rule_pkey primary key
    constraint tax_rule_organization references organization,
  name text not null,
  basis_points integer not null constraint tax_rule_basis_points check (basis_points between 0 and 10000),
  -- Why: "reverse charge", a law.
  note text,
  updated_at timestamptz not null
);

-- Periods that are closed: what is learned later belongs to the next one. An empty one has no invoice.
create table billing_period (
  organization text not null constraint billing_period_organization references organization,
  from_at timestamptz not null,
  to_at timestamptz not null,
  closed_at timestamptz not null,
  -- The operator who closed it before its time; null: the invoicer.
  closed_by text,
  constraint billing_period_pkey primary key (organization, from_at),
  constraint billing_period_forward check (from_at < to_at and to_at <= closed_at),
  constraint billing_period_no_overlap exclude using gist
    (organization with =, tstzrange(from_at, to_at) with &&)
);
create trigger billing_period_append_only before update or delete on billing_period
  for each row execute function refuse_change();

-- The next number of each series; moved on only by the transaction that uses it, so that none is missing.
create table number_series (
  series text constraint number_series_pkey primary key,
  next bigint not null constraint number_series_positive check (next > 0)
);

-- Amounts in nano-units; all but `exact` whole hundredths.
create table invoice (
  id text constraint invoice_pkey primary key,
  organization text not null constraint invoice_organization references organization,
  state text not null constraint invoice_state check (state in ('draft', 'finalised')),
  number text constraint invoice_number_unique unique,
  from_at timestamptz not null,
  to_at timestamptz not null,
  currency text not null,
  time_zone text not null,
  -- The charges of the period, to the nano.
  exact numeric(38, 0) not null,
  net numeric(38, 0) not null constraint invoice_net check (net % 10000000 = 0),
  tax numeric(38, 0) not null constraint invoice_tax check (tax % 10000000 = 0),
  total numeric(38, 0) not null constraint invoice_total check (total = net + tax),
  seller jsonb,
  buyer jsonb,
  -- SHA-256 of the period's open bill in canonical form (RFC 8785).
  bill_sha256 text not null,
  -- Of a draft: what keeps it from being finalised.
  problem text,
  created_at timestamptz not null,
  -- When it was finalised.
  closed_at timestamptz,
  constraint invoice_period foreign key (organization, from_at) references billing_period,
  constraint invoice_one_per_period unique (organization, from_at),
  constraint invoice_rounded_once check (abs(net - exact) <= 5000000),
  constraint invoice_finalised check ((state = 'finalised') = (number is not null)
    and (state = 'finalised') = (closed_at is not null)
    and (state = 'draft' or (seller is not null and buyer is not null and problem is null)))
);
create index invoice_organization_from on invoice (organization, from_at);
create index invoice_draft on invoice (id) where state = 'draft';

create table invoice_line (
  invoice text not null constraint invoice_line_invoice references invoice,
  position integer not null constraint invoice_line_position check (position > 0),
  project text not null,
  project_name text not null,
  -- What was used: instances, runs, volumes, snapshots.
  kind text not null constraint invoice_line_kind check (kind in ('instance', 'run', 'volume', 'snapshot')),
  -- Of what is given back: the allocation, volume or snapshot, its name, and why.
  resource text,
  name text,
  reason text,
  sku text not null,
  unit text not null,
  price_book text not null constraint invoice_line_price_book references price_book,
  rate numeric(38, 0) not null,
  unit_millis numeric(38, 0) not null,
  exact numeric(38, 0) not null,
  amount numeric(38, 0) not null constraint invoice_line_amount
    check (amount % 10000000 = 0 and abs(amount - exact) < 10000000),
  constraint invoice_line_pkey primary key (invoice, position),
  constraint invoice_line_given_back check ((reason is not null) = (resource is not null))
);

create table invoice_tax (
  invoice text not null constraint invoice_tax_invoice references invoice,
  position integer not null,
  name text not null,
  basis_points integer not null,
  note text,
  -- What it is a share of: the lines, less what promotional credit paid.
  base numeric(38, 0) not null,
  amount numeric(38, 0) not null constraint invoice_tax_amount check (amount % 10000000 = 0),
  constraint invoice_tax_pkey primary key (invoice, position)
);

-- How it was paid: the parts add up to the total, and `exact` to the charges and the tax to the nano.
create table invoice_funding (
  invoice text not null constraint invoice_funding_invoice references invoice,
  source text not null constraint invoice_funding_source
    check (source in ('promo', 'prepaid', 'absorbed', 'due')),
  exact numeric(38, 0) not null,
  amount numeric(38, 0) not null constraint invoice_funding_amount check (amount % 10000000 = 0),
  constraint invoice_funding_pkey primary key (invoice, source)
);

-- Money that came in or went out again in the period, and why: rebates, top-ups, grants.
create table invoice_credit (
  invoice text not null constraint invoice_credit_invoice references invoice,
  position integer not null,
  code text not null,
  about text not null,
  at timestamptz not null,
  -- Nano-units; what went out is negative.
  amount numeric(38, 0) not null,
  explanation text,
  constraint invoice_credit_pkey primary key (invoice, position)
);

-- A finalised invoice never changes, and is finalised only where it adds up.
create function guard_invoice() returns trigger language plpgsql as $$
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
end $$;
create trigger invoice_guarded before update or delete on invoice for each row execute function guard_invoice();

create function guard_invoice_part() returns trigger language plpgsql as $$
begin
  if exists (select from invoice where id = coalesce(new.invoice, old.invoice) and state = 'finalised') then
    raise exception 'the invoice is finalised' using errcode = 'restrict_violation';
  end if;
  return coalesce(new, old);
end $$;
create trigger invoice_line_guarded before insert or update or delete on invoice_line
  for each row execute function guard_invoice_part();
create trigger invoice_tax_guarded before insert or update or delete on invoice_tax
  for each row execute function guard_invoice_part();
create trigger invoice_funding_guarded before insert or update or delete on invoice_funding
  for each row execute function guard_invoice_part();
create trigger invoice_credit_guarded before insert or update or delete on invoice_credit
  for each row execute function guard_invoice_part();

-- What was given back of an invoice, by an operator.
create table credit_note (
  id text constraint credit_note_pkey primary key,
  invoice text not null constraint credit_note_invoice references invoice,
  organization text not null constraint credit_note_organization references organization,
  number text not null constraint credit_note_number_unique unique,
  reason text not null,
  net numeric(38, 0) not null constraint credit_note_net check (net > 0 and net % 10000000 = 0),
  tax numeric(38, 0) not null constraint credit_note_tax check (tax >= 0 and tax % 10000000 = 0),
  issued_by text not null,
  issued_at timestamptz not null,
  request_hash text not null
);
create index credit_note_of_invoice on credit_note (invoice);
create trigger credit_note_append_only before update or delete on credit_note
  for each row execute function refuse_change();

create table credit_note_line (
  credit_note text not null constraint credit_note_line_note references credit_note,
  position integer not null,
  -- The line of the invoice that it gives back; null: the invoice as a whole.
  line integer,
  amount numeric(38, 0) not null constraint credit_note_line_amount check (amount > 0 and amount % 10000000 = 0),
  constraint credit_note_line_pkey primary key (credit_note, position)
);
create trigger credit_note_line_append_only before update or delete on credit_note_line
  for each row execute function refuse_change();

-- An invoice or credit note as issued: bytes in the object store, with their digest.
create table paper (
  -- The id of an invoice or credit note.
  document text not null,
  -- en.pdf, zh.pdf, bill.json
  name text not null,
  object_key text not null constraint paper_key_unique unique,
  sha256 text not null,
  size_bytes bigint not null,
  stored_at timestamptz not null,
  constraint paper_pkey primary key (document, name)
);
create trigger paper_append_only before update or delete on paper for each row execute function refuse_change();
