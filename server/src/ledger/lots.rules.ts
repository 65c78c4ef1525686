/** Bought, or given by us. Given money never becomes bought money, so it is never paid out. */
export type LotKind = 'paid' | 'promo'
