-- Payments: money that comes in by card, what goes back of it, and promo codes.

create table payment (
  -- Made by whoever asks.
  id text constraint payment_pkey primary key,
  organization text not null constraint payment_organization references organization,
  person text not null constraint payment_person references person,
  amount numeric(38, 0) not null constraint payment_amount check (amount > 0),
  currency text not null constraint payment_currency check (currency in ('USD', 'EUR')),
  state text not null constraint payment_state check
    (state in ('asked', 'open', 'processing', 'failed', 'expired', 'mismatched', 'paid')),
  -- The vendor's ids of the checkout and of the payment; null until they are known.
  checkout text constraint payment_checkout_unique unique,
  intent text constraint payment_intent_unique unique,
  -- The vendor's page.
  url text,
  asked_at timestamptz not null,
  -- Until then it can be paid.
  expires_at timestamptz not null,
  credited_at timestamptz,
  -- What an operator should know of it.
  trouble text,
  -- When the vendor is asked about it again; null: nothing more is expected.
  look_at timestamptz,
  constraint payment_credited check (credited_at is null or state = 'paid')
);
create index payment_organization_asked on payment (organization, asked_at, id);
create index payment_look on payment (look_at) where look_at is not null;
create index payment_trouble on payment (asked_at) where trouble is not null;

-- A refund or a dispute. Facts only ever add to a row, so that their order does not matter.
create table payment_return (
  id text constraint payment_return_pkey primary key,
  kind text not null constraint payment_return_kind check (kind in ('refund', 'dispute')),
  -- The vendor's id of the payment that it is of: that may be known before the payment is.
  intent text not null,
  -- Null until the vendor has made the refund that an operator asked for.
  vendor_id text constraint payment_return_vendor_unique unique,
  amount numeric(38, 0) not null constraint payment_return_amount check (amount > 0),
  currency text not null,
  is_begun boolean not null,
  is_undone boolean not null,
  -- The operator who asked for it; null: the vendor told of it.
  asked_by text constraint payment_return_asked_by references person,
  -- Why the vendor did not make it.
  refused text,
  recorded_at timestamptz not null,
  -- How much of it the wallet has given, in so many steps.
  taken numeric(38, 0) not null default 0 constraint payment_return_taken check (taken >= 0),
  steps integer not null default 0,
  -- When the vendor is asked again to make it.
  ask_at timestamptz,
  constraint payment_return_asked check (vendor_id is not null or asked_by is not null)
);
create index payment_return_intent on payment_return (intent);
create index payment_return_ask on payment_return (ask_at) where ask_at is not null;

-- What the vendor sent by itself, each once.
create table payment_event (
  id text constraint payment_event_pkey primary key,
  type text not null,
  about text not null,
  payment text constraint payment_event_payment references payment,
  outcome text not null constraint payment_event_outcome check
    (outcome in ('applied', 'unknown', 'foreign', 'trouble')),
  detail text,
  recorded_at timestamptz not null
);
create index payment_event_payment on payment_event (payment);
create index payment_event_trouble on payment_event (recorded_at) where outcome = 'trouble';
create trigger payment_event_append_only before update or delete on payment_event
  for each row execute function refuse_change();

create table promo_code (
  id text constraint promo_code_pkey primary key,
  code text not null constraint promo_code_unique unique constraint promo_code_form check (code = upper(code)),
  amount numeric(38, 0) not null constraint promo_code_amount check (amount > 0),
  currency text not null constraint promo_code_currency check (currency in ('USD', 'EUR')),
  -- Null: as long as it is not withdrawn.
  expires_at timestamptz,
  -- The credit lapses so many days after it was redeemed; null: never.
  credit_days integer constraint promo_code_credit_days check (credit_days > 0),
  redemptions_max integer not null constraint promo_code_redemptions_max check (redemptions_max > 0),
  redemptions integer not null default 0,
  made_by text not null constraint promo_code_made_by references person,
  made_at timestamptz not null,
  withdrawn_at timestamptz,
  constraint promo_code_used_up check (redemptions between 0 and redemptions_max)
);

create table redemption (
  -- Made by whoever redeems.
  id text constraint redemption_pkey primary key,
  promo_code text not null constraint redemption_promo_code references promo_code,
  organization text not null constraint redemption_organization references organization,
  person text not null constraint redemption_person references person,
  redeemed_at timestamptz not null,
  -- Of the credit.
  expires_at timestamptz,
  constraint redemption_once unique (promo_code, organization)
);
