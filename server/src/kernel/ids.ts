import { createHash, randomBytes } from 'node:crypto'

/** The kinds of thing that have an id, with the three letters that every such id begins with. */
export const prefixOf = {
  organization: 'org',
  project: 'prj',
  person: 'per',
  apiKey: 'key',
  sshKey: 'ssh',
  audit: 'aud',
  imageVersion: 'imv',
  imageBuild: 'bld',
  proof: 'prf',
  priceBook: 'pb',
  account: 'acc',
  transfer: 'trf',
  lot: 'lot',
  payment: 'pay',
  refund: 'rfd',
  dispute: 'dsp',
  promoCode: 'pro',
  redemption: 'rdm',
  node: 'nod',
  allocation: 'alo',
  lease: 'lea',
  volume: 'vol',
  snapshot: 'snp',
  instance: 'ins',
  instanceEvent: 'evt',
  job: 'job',
  run: 'run',
  charge: 'chg',
  invoice: 'inv',
  creditNote: 'crn',
  notice: 'ntc',
  webhook: 'whk',
  delivery: 'dlv',
  mail: 'mai',
  budget: 'bud',
  request: 'req',
  platform: 'plt',
} as const

export type Kind = keyof typeof prefixOf

/** A prefixed id: three letters, "_", a UUIDv7 (or a derived hash) in lower-case Crockford base32. */
export type Id<K extends Kind> = string & { readonly __kind: K }

export type OrganizationId = Id<'organization'>
export type ProjectId = Id<'project'>
export type PersonId = Id<'person'>
export type InstanceId = Id<'instance'>
export type RunId = Id<'run'>
export type AllocationId = Id<'allocation'>
export type LeaseId = Id<'lease'>
export type VolumeId = Id<'volume'>
export type NodeId = Id<'node'>
export type TransferId = Id<'transfer'>
export type AccountId = Id<'account'>
export type LotId = Id<'lot'>
export type PriceBookId = Id<'priceBook'>
export type ChargeId = Id<'charge'>
export type BudgetId = Id<'budget'>
/** What an allocation is made for. */
export type SubjectId = InstanceId | RunId

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** Lower-case Crockford base32 of the bytes, most significant bit first, padded with zero bits in front. */
function base32(bytes: Uint8Array): string {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  let text = ''
  for (let digits = Math.ceil((bytes.length * 8) / 5); digits > 0; digits -= 1) {
    text = alphabet.charAt(Number(value & 31n)) + text
    value >>= 5n
  }
  return text
}

/** Makes ids; the only randomness of the platform beside secrets. */
export interface Ids {
  make<K extends Kind>(kind: K): Id<K>
}

function uuidV7(ms: number, random: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16)
  for (let index = 5, rest = ms; index >= 0; index -= 1) {
    bytes[index] = rest % 256
    rest = Math.floor(rest / 256)
  }
  bytes.set(random.subarray(0, 10), 6)
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f)
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f)
  return bytes
}

function named<K extends Kind>(kind: K, body: string): Id<K> {
  // A brand only: the text was made with this kind's prefix.
  return `${prefixOf[kind]}_${body}` as Id<K>
}

/** Ids from the system's clock and randomness. */
export const systemIds: Ids = {
  make: (kind) => named(kind, base32(uuidV7(Date.now(), randomBytes(10)))),
}

/** Ids that a seed and a clock determine, for the simulation. */
export function seededIds(seed: string, nowMs: () => number): Ids {
  let count = 0
  return {
    make(kind) {
      count += 1
      const random = createHash('sha256').update(`${seed}/${count}`).digest()
      return named(kind, base32(uuidV7(nowMs(), random)))
    },
  }
}

/** The id that named facts determine: it makes a repeated settlement or charge harmless. */
export function derivedId<K extends Kind>(kind: K, ...facts: readonly (string | number | bigint)[]): Id<K> {
  const digest = createHash('sha256').update(facts.map(String).join('\n')).digest()
  return named(kind, base32(digest.subarray(0, 20)))
}

/** A secret of at least 256 random bits in base32, with a prefix that scanners can know. */
export function newSecret(prefix: string): string {
  return `${prefix}${base32(randomBytes(35))}`
}

/** A secret of 256 random bits in base64, with a prefix, as Standard Webhooks writes one. */
export function newBase64Secret(prefix: string): string {
  return `${prefix}${randomBytes(32).toString('base64')}`
}

/** SHA-256 in lower-case hex, for secrets at rest and for request digests. */
export function sha256Hex(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Is the text an id of that kind as the caller may make it? */
export function isId<K extends Kind>(kind: K, text: string): text is Id<K> {
  return new RegExp(`^${prefixOf[kind]}_[0-9a-z]{1,60}$`).test(text)
}

/**
 * Names a text from the database or from a checked request as an id of a kind; throws where the prefix
 * differs.
 */
export function asId<K extends Kind>(kind: K, text: string): Id<K> {
  if (!text.startsWith(`${prefixOf[kind]}_`)) throw new TypeError(`"${text}" is no id of kind ${kind}`)
  // The prefix was just checked.
  return text as Id<K>
}

/** An id as a host label: "_" is not allowed in one. */
export function hostLabelOf(id: string): string {
  return id.replace('_', '-')
}
