-- Prices: books of one organization, terms of a month, and what storage is announced to cost.

-- pricing ------------------------------------------------------------------------------------

alter table price_book
  -- Whose own prices these are; null: everybody's who has none of their own. No part of the book's hash.
  add column organization text constraint price_book_organization references organization,
  -- Where it comes from: the operator's table rates.json, or a request.
  add column origin text not null default 'table' constraint price_book_origin check (origin in ('table', 'request'));
alter table price_book drop constraint price_book_dated;
alter table price_book
  add constraint price_book_dated unique nulls not distinct (currency, organization, effective_from);

-- When own prices end; from then on the general book holds again. Said at publication or later, once.
create table price_book_end (
  price_book text constraint price_book_end_pkey primary key
    constraint price_book_end_price_book references price_book,
  ends_at timestamptz not null,
  recorded_at timestamptz not null,
  constraint price_book_end_announced check (ends_at >= recorded_at)
);
create trigger price_book_end_append_only before update or delete on price_book_end
  for each row execute function refuse_change();

-- What a flavor is made of depends on the book that prices it: nobody reads these any more. An allocation keeps
-- its own lines.
alter table flavor alter column lines set default '[]';

-- storage ------------------------------------------------------------------------------------

-- A change of book that was announced for a volume or snapshot; what became of it is written once.
create table repricing (
  resource text not null constraint repricing_head references journal_head,
  price_book text not null constraint repricing_price_book references price_book,
  -- Since when the book holds for the organization: what names the change.
  holds_from timestamptz not null,
  announced_at timestamptz not null,
  due_at timestamptz not null,
  done_at timestamptz,
  outcome text constraint repricing_outcome check (outcome in ('applied', 'dropped')),
  constraint repricing_pkey primary key (resource, price_book, holds_from),
  constraint repricing_ahead check (due_at > announced_at and due_at >= holds_from),
  constraint repricing_done check ((done_at is null) = (outcome is null) and done_at >= due_at)
);
create index repricing_due on repricing (due_at, resource) where done_at is null;
