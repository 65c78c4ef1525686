-- Notices: what happened and is told, to whom, and how far that is.

alter table person add column language text constraint person_language check (language in ('en', 'zh'));
alter table organization add column language text not null default 'en'
  constraint organization_language check (language in ('en', 'zh'));

-- notices ------------------------------------------------------------------------------------

-- Written in the transaction of what it tells; kept for ninety days.
create table notice (
  -- A webhook's receiver knows a repeat by it.
  id text constraint notice_pkey primary key,
  -- Newest first, also where ids are derived.
  seq bigint generated always as identity constraint notice_seq_unique unique,
  organization text not null constraint notice_organization references organization,
  -- Null: of the organization as a whole.
  project text constraint notice_project references project,
  type text not null,
  -- What it tells of: an instance, a run, a payment, the organization itself …
  subject text not null,
  at timestamptz not null,
  data jsonb not null,
  -- When it was settled to whom it goes; null: not yet.
  routed_at timestamptz
);
create index notice_unrouted on notice (seq) where routed_at is null;
create index notice_organization_seq on notice (organization, seq);
create index notice_at on notice (at);

-- An address of an organization's own program, to which notices are sent.
create table webhook (
  id text constraint webhook_pkey primary key,
  organization text not null constraint webhook_organization references organization,
  url text not null,
  name text not null,
  -- None: every type.
  types text[] not null,
  created_by text not null constraint webhook_created_by references person,
  created_at timestamptz not null,
  -- The first failure since the last success.
  failing_since timestamptz,
  disabled_at timestamptz,
  disabled_why text constraint webhook_disabled_why check (disabled_why in ('asked', 'failing', 'gone')),
  deleted_at timestamptz,
  constraint webhook_disabled check ((disabled_at is null) = (disabled_why is null))
);
create index webhook_organization_live on webhook (organization, id) where deleted_at is null;

-- What signs its messages; of two, the older one goes on signing until it expires.
create table webhook_secret (
  webhook text not null constraint webhook_secret_webhook references webhook,
  number integer not null,
  secret text not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  constraint webhook_secret_pkey primary key (webhook, number)
);

create table delivery (
  id text constraint delivery_pkey primary key,
  seq bigint generated always as identity constraint delivery_seq_unique unique,
  notice text not null constraint delivery_notice references notice on delete cascade,
  webhook text not null constraint delivery_webhook references webhook,
  state text not null constraint delivery_state check (state in ('waiting', 'delivered', 'failed')),
  -- Of this round: a replay begins another.
  tries integer not null default 0,
  due_at timestamptz,
  created_at timestamptz not null,
  ended_at timestamptz,
  constraint delivery_once unique (notice, webhook),
  constraint delivery_due check ((due_at is not null) = (state = 'waiting'))
);
create index delivery_waiting on delivery (webhook, due_at) where state = 'waiting';
create index delivery_webhook_seq on delivery (webhook, seq);

create table delivery_attempt (
  delivery text not null constraint delivery_attempt_delivery references delivery on delete cascade,
  number integer not null,
  at timestamptz not null,
  duration_ms integer not null,
  -- Of the answer; null where none came, and then `error` says why.
  status integer,
  error text,
  -- The beginning of the answer's body.
  excerpt text,
  constraint delivery_attempt_pkey primary key (delivery, number)
);

create table mail (
  id text constraint mail_pkey primary key,
  notice text not null constraint mail_notice references notice on delete cascade,
  person text not null constraint mail_person references person,
  address text not null,
  language text not null constraint mail_language check (language in ('en', 'zh')),
  -- `handed`: the server has said that it will take the text, and not yet that it has.
  state text not null constraint mail_state check (state in ('waiting', 'handed', 'sent', 'failed', 'in_doubt')),
  tries integer not null default 0,
  due_at timestamptz,
  created_at timestamptz not null,
  ended_at timestamptz,
  error text,
  constraint mail_once unique (notice, address),
  constraint mail_due check ((due_at is not null) = (state = 'waiting'))
);
create index mail_waiting on mail (due_at) where state = 'waiting';
create index mail_handed on mail (id) where state = 'handed';

-- billing ------------------------------------------------------------------------------------

-- Of organizations that burn money: when their runway is looked at next, and what they were told of it.
create table balance_watch (
  organization text constraint balance_watch_pkey primary key
    constraint balance_watch_organization references organization,
  looked_at timestamptz not null,
  look_at timestamptz not null,
  -- The tightest warning since the runway was last well above it, in minutes; 0: used up; null: none.
  told_minutes integer constraint balance_watch_told check (told_minutes in (0, 2, 10, 60)),
  runway_until timestamptz
);
create index balance_watch_told_now on balance_watch (organization) where told_minutes is not null;
