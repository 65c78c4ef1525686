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
