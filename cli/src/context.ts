import { type ApiError, type Client, createClient } from '@gpuhour/sdk/client'
import type { Me, Organization, Project } from '@gpuhour/sdk/contract'
import { UsageError } from './command.ts'
import { type Access, type Profile, readPlatform, readProfile } from './configuration.ts'
import { SignInError } from './failures.ts'
import { write } from './output.ts'
import { sendByNode } from './transport.ts'

/** What every command is given: where to write, whom to ask, and which project is meant. */
export interface Context {
  readonly isJson: boolean
  /** Somebody looks at our output. */
  readonly isTerminal: boolean
  /** Somebody can be asked. */
  readonly isInteractive: boolean
  /** Answers, on stdout. */
  print(text: string): void
  /** One JSON document, on stdout. */
  printJson(value: unknown): void
  /** What is going on, on stderr. */
  say(text: string): void
  /** A client; with patience it waits while the platform does not answer, and says so once. */
  client(patienceMs?: number): Client
  /** Where the platform answers. */
  access(): Access
  me(): Promise<Me>
  project(): Promise<Project>
  organization(): Promise<Organization>
}

/** Long enough for a platform that was killed to be started again by hand. */
export const longPatienceMs = 180_000

function isAddress(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text)
}

/** Who is signed in: by the environment, or by the last `login`. */
function profileInForce(say: (text: string) => void): Profile {
  const [url, apiKey] = [process.env['GPUHOUR_URL'], process.env['GPUHOUR_API_KEY']]
  if (apiKey && url && !isAddress(url))
    throw new UsageError(`GPUHOUR_URL is "${url}", which is no address such as http://127.0.0.1:7070.`)
  if (apiKey) return { kind: 'remote', url: (url || 'http://127.0.0.1:7070').replace(/\/+$/, ''), apiKey }
  const profile = readProfile(say)
  if (profile) return profile
  throw new SignInError(
    'Nobody is signed in. Run "gpuhour login --local" on the platform’s machine, or "gpuhour login URL".',
  )
}

/**
 * Says once that the platform is away, and once that it is back, however many requests notice; with `--json`
 * only the first.
 */
function troubleTeller(say: (text: string) => void, isJson: boolean): (trouble: ApiError | null) => void {
  let away = 0
  return (trouble) => {
    if (trouble && away === 0) say(`waiting for the platform to come back: ${trouble.message}`)
    away += trouble ? 1 : -1
    if (!trouble && away === 0 && !isJson) say('the platform is back')
  }
}

function named<T extends { readonly id: string; readonly name: string }>(
  things: readonly T[],
  name: string,
): T | null {
  return things.find(({ id }) => id === name) ?? things.find((thing) => thing.name === name) ?? null
}

/**
 * The project that is meant: the named one, or the only one of one's own; an operator sees others as
 * well.
 */
function projectOf(me: Me, name: string | undefined): Project {
  const wanted = name ?? process.env['GPUHOUR_PROJECT']
  const mine = me.organizations.filter(({ role }) => role !== null).map(({ id }) => id)
  const own = me.projects.filter(({ organization }) => mine.includes(organization))
  const [only, ...others] = own.length > 0 ? own : me.projects
  const found = wanted ? named(me.projects, wanted) : others.length === 0 ? only : null
  if (found) return found
  const names = me.projects.map((project) => project.name).join(', ') || 'none'
  throw new UsageError(
    wanted
      ? `There is no project "${wanted}". Projects: ${names}.`
      : `Which project? Name it with -p. Projects: ${names}.`,
  )
}

/** Makes the context of one command. */
export function makeContext(options: {
  readonly json: boolean
  readonly project: string | undefined
}): Context {
  const say = (text: string): void => void write('stderr', `${text}\n`)
  let profile: Profile | null = null
  let me: Promise<Me> | null = null
  const access = (): Access => {
    profile ??= profileInForce(say)
    return profile.kind === 'local' ? readPlatform(profile.dataDir) : profile
  }
  const onTrouble = troubleTeller(say, options.json)
  const client = (patienceMs = 0): Client => {
    // Asked at once, so that nobody waits who is not signed in.
    const { url } = access()
    return createClient({
      baseUrl: url,
      patienceMs,
      onTrouble,
      // The platform of this machine may be started again on another port: its file is read for each request.
      transport: (address, sent) => {
        const now = access()
        const headers = { ...sent.headers, authorization: `Bearer ${now.apiKey}` }
        return sendByNode(now.url + address.slice(url.length), { ...sent, headers })
      },
    })
  }
  const context: Context = {
    isJson: options.json,
    isTerminal: process.stdout.isTTY,
    isInteractive: process.stdin.isTTY && process.stderr.isTTY,
    print: (text) => void write('stdout', text.endsWith('\n') ? text : `${text}\n`),
    printJson: (value) => void write('stdout', `${JSON.stringify(value)}\n`),
    say,
    client,
    access,
    me: () => (me ??= client().getMe()),
    project: async () => projectOf(await context.me(), options.project),
    async organization() {
      const found = await context.me()
      const own = found.organizations.filter(({ role }) => role !== null)
      const [only, ...others] = own.length > 0 ? own : found.organizations
      if (only && others.length === 0 && options.project === undefined) return only
      const { organization } = projectOf(found, options.project)
      const owner = named(found.organizations, organization)
      if (owner) return owner
      throw new UsageError('Which organization? Name one of its projects with -p.')
    },
  }
  return context
}
