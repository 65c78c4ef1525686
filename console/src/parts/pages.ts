/** A list as it was loaded, page by page. */
export interface Loaded<T> {
  readonly pages: readonly { readonly items: readonly T[]; readonly next: string | null }[]
  readonly pageParams: readonly unknown[]
}

/** The list with this item as it is now: in its place, or else first. */
export function withItem<T extends { readonly id: string }>(loaded: Loaded<T>, item: T): Loaded<T> {
  const isKnown = loaded.pages.some(({ items }) => items.some(({ id }) => id === item.id))
  const pages = loaded.pages.map((page, index) => {
    if (isKnown) return { ...page, items: page.items.map((old) => (old.id === item.id ? item : old)) }
    return index === 0 ? { ...page, items: [item, ...page.items] } : page
  })
  return { ...loaded, pages }
}
