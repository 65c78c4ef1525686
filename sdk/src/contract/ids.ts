/** The three letters that the ids of a kind begin with. No zod here: the client must load fast. */
export const idPrefixes = {
  organization: 'org',
  project: 'prj',
  person: 'per',
  apiKey: 'key',
  sshKey: 'ssh',
  instance: 'ins',
  run: 'run',
  volume: 'vol',
  transfer: 'trf',
  creditNote: 'crn',
  budget: 'bud',
  webhook: 'whk',
  priceBook: 'pb',
  payment: 'pay',
  refund: 'rfd',
  promoCode: 'pro',
  redemption: 'rdm',
} as const

export type IdKind = keyof typeof idPrefixes
