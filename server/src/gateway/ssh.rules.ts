import type { DoorInstance } from '../identity/doors.ts'

/** Reasons of a refused channel (RFC 4254 §5.1). */
export const openFailure = {
  prohibited: 1,
  connectFailed: 2,
  unknownType: 3,
  shortage: 4,
} as const

/** Channels of one connection at most: VS Code opens about ten, a browser through `-D` a few dozen. */
export const channelsMax = 100

/** The guest's own loopback, in the words that clients use. Nothing else can be forwarded to. */
const loopback: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1'])

/** May a connection be forwarded to this host, as seen from inside the instance? */
export function isLoopback(host: string): boolean {
  return loopback.has(host.toLowerCase())
}

/** Variables that a client may set: language and terminal, nothing that a program would execute. */
export function isAllowedVariable(name: string): boolean {
  return /^(LANG|LC_[A-Z]+|TERM|COLORTERM)$/.test(name)
}

/** What a client may ask of its session; everything else is refused without asking the instance. */
const fromClient: ReadonlySet<string> = new Set([
  'shell',
  'exec',
  'pty-req',
  'window-change',
  'signal',
  'break',
  'xon-xoff',
])

/** What an instance may tell a client about its session. */
const fromInstance: ReadonlySet<string> = new Set([
  'exit-status',
  'exit-signal',
  'eow@openssh.com',
  'xon-xoff',
])

/** Does the client's request go on to the instance? `detail` is the subsystem's or the variable's name. */
export function mayAsk(request: string, detail: string): boolean {
  if (request === 'env') return isAllowedVariable(detail)
  if (request === 'subsystem') return detail === 'sftp'
  return fromClient.has(request)
}

/** Does the instance's request go on to the client? */
export function mayTell(request: string): boolean {
  return fromInstance.has(request)
}

/** Whom a user name means: one instance, or one line that says why not. */
export type Meant =
  | { readonly kind: 'instance'; readonly instance: DoorInstance }
  | { readonly kind: 'refused'; readonly line: string }

/** Reads the user name among the instances of that id or name that the person may connect to. */
export function meantBy(user: string, found: readonly DoorInstance[]): Meant {
  const shown = /^[\x20-\x7e]{1,80}$/.test(user) ? user : 'this user name'
  const [instance, ...others] = found
  if (!instance)
    return refused(`there is no instance "${shown}" that you may connect to. "gpuhour ls" lists yours.`)
  if (others.length > 0)
    return refused(
      `"${shown}" is the name of ${found.length}: use an id: ${found.map(({ id }) => id).join(' ')}`,
    )
  const why = reasonNotOpen(instance)
  return why === null ? { kind: 'instance', instance } : refused(why)
}

function refused(line: string): Meant {
  return { kind: 'refused', line }
}

function reasonNotOpen(instance: DoorInstance): string | null {
  const { name, state } = instance
  // Whoever stopped it knows why; "customer" is the journal's word for that.
  const why = instance.reason === 'customer' ? null : instance.reason
  const because = why === null ? '' : ` (${why.replace(/\s+/g, ' ').slice(0, 200)})`
  switch (state) {
    case 'running':
      return null
    case 'queued':
    case 'preparing':
      return `${name} is ${state}${because}, free of charge. Connect again when "gpuhour ls" says running.`
    case 'unreachable':
      return `${name} is out of reach: its machine is silent. You pay nothing for it until it is back.`
    case 'stopped':
    case 'failed':
      return `${name} is ${state}${because}. Start it with "gpuhour start ${name}".`
    default:
      return `${name} is ${state}${because}.`
  }
}
