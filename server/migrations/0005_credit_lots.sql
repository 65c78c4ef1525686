-- A wallet is made of lots: what came in, each with its own terms. What is held or used says of which.

create table credit_lot (
  id text constraint credit_lot_pkey primary key,
  account text not null constraint credit_lot_account references ledger_account,
  -- The transfer that it came from.
  transfer text not null constraint credit_lot_transfer references transfer,
  -- The lapsed lot whose money came back and goes on here.
  renews text constraint credit_lot_renews references credit_lot,
  kind text not null constraint credit_lot_kind check (kind in ('paid', 'promo')),
  -- Lower is used first.
  priority integer not null constraint credit_lot_priority check (priority between 0 and 1000),
  effective_at timestamptz not null,
  -- Null: never.
  expires_at timestamptz,
  amount numeric(38, 0) not null,
  -- Not used yet, what is reserved included.
  remaining numeric(38, 0) not null,
  reserved numeric(38, 0) not null,
  recorded_at timestamptz not null,
  constraint credit_lot_dates check (expires_at > effective_at),
  constraint credit_lot_amounts check
    (amount > 0 and reserved >= 0 and remaining >= reserved and amount >= remaining)
);
create index credit_lot_account_recorded on credit_lot (account, recorded_at, id);
create index credit_lot_live on credit_lot (account) where remaining > 0;
create index credit_lot_lapsing on credit_lot (expires_at) where remaining > 0 and expires_at is not null;

-- What became of a lot, transfer by transfer.
create table lot_use (
  transfer text not null constraint lot_use_transfer references transfer,
  number integer not null,
  lot text not null constraint lot_use_lot references credit_lot,
  kind text not null constraint lot_use_kind check (kind in
    ('reserve', 'settle', 'release', 'use', 'return', 'expire', 'renew')),
  amount numeric(38, 0) not null constraint lot_use_amount_must_be_positive check (amount > 0),
  -- Of a return: the transfer whose use of this lot comes back.
  returned text constraint lot_use_returned references transfer,
  constraint lot_use_pkey primary key (transfer, number),
  constraint lot_use_return_named check ((returned is not null) = (kind = 'return'))
);
create index lot_use_lot on lot_use (lot);
create index lot_use_returns on lot_use (returned) where returned is not null;

-- When an organization began to owe, and when it owed nothing any more: the days of grace count from here.
create table grace (
  seq bigint generated always as identity constraint grace_pkey primary key,
  account text not null constraint grace_account references ledger_account,
  -- The transfer that made the debt, or that paid the last of it; null: it was there before graces were.
  transfer text constraint grace_transfer references transfer,
  event text not null constraint grace_event check (event in ('begun', 'ended')),
  at timestamptz not null
);
create index grace_account_seq on grace (account, seq);

-- Nothing in the ledger is ever changed but the four totals and what is left and reserved of a lot.

create trigger lot_use_append_only before update or delete on lot_use
  for each row execute function refuse_change();
create trigger grace_append_only before update or delete on grace for each row execute function refuse_change();
create trigger credit_lot_kept before delete on credit_lot for each row execute function refuse_change();
create trigger credit_lot_terms_kept before update on credit_lot for each row
  when ((old.id, old.account, old.transfer, old.renews, old.kind, old.priority, old.effective_at, old.expires_at,
      old.amount, old.recorded_at)
    is distinct from (new.id, new.account, new.transfer, new.renews, new.kind, new.priority, new.effective_at,
      new.expires_at, new.amount, new.recorded_at))
  execute function refuse_change();
create trigger ledger_account_kept before delete on ledger_account for each row execute function refuse_change();
create trigger ledger_account_terms_kept before update on ledger_account for each row
  when ((old.id, old.owner, old.code, old.currency, old.limit_rule, old.created_at, old.closed_at)
    is distinct from (new.id, new.owner, new.code, new.currency, new.limit_rule, new.created_at, new.closed_at))
  execute function refuse_change();
create trigger transfer_never_emptied before truncate on transfer
  for each statement execute function refuse_change();
create trigger lot_use_never_emptied before truncate on lot_use
  for each statement execute function refuse_change();
create trigger credit_lot_never_emptied before truncate on credit_lot
  for each statement execute function refuse_change();
create trigger grace_never_emptied before truncate on grace for each statement execute function refuse_change();
create trigger ledger_account_never_emptied before truncate on ledger_account
  for each statement execute function refuse_change();

-- What is in the wallets already: one lot each, of everything that ever came in, with all its uses, so that
-- what comes back later finds where it came from. It was given: until now nothing was ever bought.

insert into credit_lot (id, account, transfer, kind, priority, effective_at, amount, remaining, reserved,
  recorded_at)
select 'lot_' || substr(account.id, 5), account.id, first.id, 'promo', 100, first.booked_at, given.amount,
  account.credits_posted - account.debits_posted, account.debits_pending, first.recorded_at
from ledger_account account
join lateral (select id, booked_at, recorded_at from transfer
  where credit = account.id and kind = 'post' and code <> 'give_back'
  order by recorded_at, id limit 1) first on true
join lateral (select sum(amount) as amount from transfer
  where credit = account.id and kind = 'post' and code <> 'give_back') given on true
where account.code = 'customer';

insert into lot_use (transfer, number, lot, kind, amount, returned)
select t.id, 1, lot.id,
  case when t.credit = lot.account then 'return' when t.kind = 'hold' then 'reserve' when t.kind = 'post' then 'use'
    else t.kind end,
  t.amount,
  case when t.credit = lot.account then coalesce((select earlier.id from transfer earlier
    where earlier.about = t.about and earlier.debit = lot.account and earlier.kind in ('settle', 'post')
      and earlier.recorded_at <= t.recorded_at
    order by earlier.recorded_at desc, earlier.id desc limit 1), t.id) end
from credit_lot lot
join transfer t on t.debit = lot.account or (t.credit = lot.account and t.code = 'give_back')
where t.amount > 0;

-- Nobody was told of an old debt's grace: it begins with the last that the books know.
insert into grace (account, event, at)
select id, 'begun', (select max(recorded_at) from transfer) from ledger_account
where code = 'receivable' and debits_posted > credits_posted;
