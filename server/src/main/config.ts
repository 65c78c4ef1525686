import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { AppError, type FieldError } from '../kernel/errors.ts'
import { type AddressPolicy, isNetwork } from '../notices/addresses.rules.ts'

const port = z.coerce.number().int().min(0).max(65_535)
const folder = z.string().startsWith('/', 'give an absolute path, beginning with "/"')

/** Root's data must lie where PostgreSQL's own user can walk: not below /root. */
function defaultDataDir(): string {
  return process.getuid?.() === 0 ? '/var/lib/gpuhour' : join(homedir(), '.gpuhour')
}

// Every variable of the platform: its schema with its default, its unit and its meaning.
const table = {
  dataDir: {
    variable: 'GPUHOUR_DATA',
    schema: folder.default(defaultDataDir),
    unit: 'folder',
    meaning: 'Everything the platform keeps: database, logs, volumes, platform.json.',
  },
  runtime: {
    variable: 'GPUHOUR_RUNTIME',
    schema: z.enum(['docker', 'simulated']).default('docker'),
    unit: 'docker | simulated',
    meaning: 'What runs the allocations; simulated runs nothing and is for demonstrations and tests.',
  },
  databaseUrl: {
    variable: 'DATABASE_URL',
    schema: z
      .string()
      .regex(/^postgres(ql)?:\/\//, 'begin with "postgresql://"')
      .nullable()
      .default(null),
    unit: 'URL',
    meaning: 'A PostgreSQL server to use instead of the embedded one.',
  },
  host: {
    variable: 'GPUHOUR_HOST',
    schema: z.string().min(1).default('127.0.0.1'),
    unit: 'address',
    meaning: 'The address that console, API, apps and SSH listen on.',
  },
  port: {
    variable: 'GPUHOUR_PORT',
    schema: port.default(7070),
    unit: 'TCP port, 0 = a free one',
    meaning: 'Console and API.',
  },
  appsPort: {
    variable: 'GPUHOUR_APPS_PORT',
    schema: port.default(7071),
    unit: 'TCP port, 0 = a free one',
    meaning: 'The HTTP door into instances.',
  },
  sshPort: {
    variable: 'GPUHOUR_SSH_PORT',
    schema: port.default(2222),
    unit: 'TCP port, 0 = a free one',
    meaning: 'The SSH door into instances.',
  },
  domain: {
    variable: 'GPUHOUR_DOMAIN',
    schema: z
      .string()
      .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/, 'give a host name in lower case')
      .default('localhost'),
    unit: 'host name',
    meaning: 'The console stands on it, every app on a host of its own below apps.<domain>.',
  },
  region: {
    variable: 'GPUHOUR_REGION',
    schema: z
      .string()
      .regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'give a name of a–z, 0–9 and "-"')
      .default('local'),
    unit: 'name',
    meaning: 'Where the machines stand; FOCUS exports say it (RegionId).',
  },
  dockerHost: {
    variable: 'DOCKER_HOST',
    schema: z
      .string()
      .startsWith('unix:///', 'only unix:// sockets are supported')
      .default('unix:///var/run/docker.sock'),
    unit: 'URL',
    meaning: 'The Docker Engine that runs the allocations.',
  },
  installEngine: {
    variable: 'GPUHOUR_INSTALL_ENGINE',
    schema: z.enum(['auto', 'never']).default('auto'),
    unit: 'auto | never',
    meaning: 'May a start install and start Docker Engine where none answers? It needs root.',
  },
  volumeRoot: {
    variable: 'GPUHOUR_VOLUME_ROOT',
    schema: folder.nullable().default(null),
    unit: 'folder',
    meaning: 'Where volumes and scratch folders lie; unset: in the data directory.',
  },
  baseImage: {
    variable: 'GPUHOUR_BASE_IMAGE',
    schema: z.enum(['auto', 'registry', 'mirror']).default('auto'),
    unit: 'auto | registry | mirror',
    meaning: 'Where images get their Debian from: a registry by digest, or a Debian mirror by mmdebstrap.',
  },
  webhookNetworks: {
    variable: 'GPUHOUR_WEBHOOK_NETWORKS',
    schema: z
      .string()
      .refine((text) => text.split(',').every(isNetwork), 'give ranges such as "10.1.0.0/16,fd12::/48"')
      .nullable()
      .default(null),
    unit: 'CIDR, …',
    meaning:
      'Networks that are not public and that webhooks may lead to, there also by http and on any port.',
  },
  smtpUrl: {
    variable: 'GPUHOUR_SMTP_URL',
    schema: z
      .string()
      .regex(/^smtps?:\/\/[^\s/?#]+/, 'begin with "smtp://" or "smtps://"')
      .nullable()
      .default(null),
    unit: 'URL',
    meaning: 'The server that takes our mail, with user and password; unset: no mail is sent.',
  },
  mailFrom: {
    variable: 'GPUHOUR_MAIL_FROM',
    schema: z
      .string()
      .regex(/^[^\s<>@]+@[^\s<>@]+$/, 'give an address such as gpuhour@example.com')
      .default('gpuhour@localhost'),
    unit: 'address',
    meaning: 'The sender of our mail.',
  },
  stripeSecretKey: {
    variable: 'STRIPE_SECRET_KEY',
    schema: z
      .string()
      .regex(/^(sk|rk)_\S+$/, 'give a secret or restricted key of Stripe, beginning with "sk_" or "rk_"')
      .nullable()
      .default(null),
    unit: 'secret',
    meaning: 'Card payments by Stripe Checkout; unset: money is added by an operator’s grant only.',
    isSecret: true,
  },
  stripeWebhookSecret: {
    variable: 'STRIPE_WEBHOOK_SECRET',
    schema: z
      .string()
      .regex(/^whsec_\S+$/, 'give the signing secret of the endpoint, beginning with "whsec_"')
      .nullable()
      .default(null),
    unit: 'secret',
    meaning: 'By which events that Stripe sends to <console>/stripe/events are known to be its own.',
    isSecret: true,
  },
  stripeApiBase: {
    variable: 'STRIPE_API_BASE',
    schema: z
      .string()
      .regex(/^https?:\/\/[^/]+$/, 'give an address without a path, such as "http://127.0.0.1:12111"')
      .nullable()
      .default(null),
    unit: 'URL',
    meaning: 'Another address for Stripe’s API: a stand-in for tests.',
  },
  logLevel: {
    variable: 'GPUHOUR_LOG_LEVEL',
    schema: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
    unit: 'debug | info | warn | error',
    meaning: 'What is written to <data>/log/<role>.jsonl.',
  },
} as const

type Table = typeof table
type Field = keyof Table

/** The configuration, checked; every field is a row of the table above. */
export type Config = { readonly [F in Field]: z.output<Table[F]['schema']> }

/** One variable as `doctor` shows it. */
export interface VariableLine {
  readonly variable: string
  readonly value: string
  readonly isDefault: boolean
  readonly unit: string
  readonly meaning: string
}

/** The part of an environment that is read. */
export type Environment = Readonly<Record<string, string | undefined>>

// Object.keys types its answer as string[]; the table has exactly these keys.
const fields = Object.keys(table) as Field[]

function isSecret(field: Field): boolean {
  return 'isSecret' in table[field]
}

/** The two halves of card payments are of no use alone. */
function halfSetUp(values: Partial<Record<Field, unknown>>): readonly FieldError[] {
  const halves = ['stripeSecretKey', 'stripeWebhookSecret'] as const
  const missing = halves.filter((field) => values[field] === null)
  if (missing.length !== 1) return []
  return missing.map((field) => {
    const { variable } = table[field]
    return {
      pointer: variable,
      message: `${variable} is missing: card payments need both of Stripe’s secrets`,
    }
  })
}

/** Reads the variables; an empty one counts as unset. Refuses with every wrong one named, all at once. */
export function loadConfig(environment: Environment = process.env): Config {
  const wrong: FieldError[] = []
  const values: Partial<Record<Field, unknown>> = {}
  for (const field of fields) {
    const { variable, schema } = table[field]
    const parsed = schema.safeParse(environment[variable] || undefined)
    if (parsed.success) values[field] = parsed.data
    else {
      const why = parsed.error.issues.map(({ message }) => message).join('; ')
      const shown = isSecret(field) ? '' : `="${environment[variable] ?? ''}"`
      wrong.push({ pointer: variable, message: `${variable}${shown}: ${why}` })
    }
  }
  if (wrong.length === 0) wrong.push(...halfSetUp(values))
  if (wrong.length > 0)
    throw new AppError('invalid_request', wrong.map(({ message }) => message).join('\n'), undefined, wrong)
  // Every field was set from its own schema in the loop above.
  return values as Config
}

/** Variables that only those processes are given that need them. */
export const secretVariables: readonly string[] = fields
  .filter((field) => isSecret(field))
  .map((field) => table[field].variable)

/** The environment from which `loadConfig` reads the same configuration again, for child processes. */
export function environmentOf(config: Config): Record<string, string> {
  return Object.fromEntries(
    fields.flatMap((field) => {
      const value = config[field]
      return value === null ? [] : [[table[field].variable, String(value)]]
    }),
  )
}

/** What the command line reads; a shell that has them may start a platform too. */
const clientVariables = ['GPUHOUR_URL', 'GPUHOUR_API_KEY', 'GPUHOUR_PROJECT']

/** Names that look like ours but are none, so that a typing error does not pass in silence. */
export function unknownVariables(environment: Environment = process.env): readonly string[] {
  const known = new Set<string>([...fields.map((field) => table[field].variable), ...clientVariables])
  return Object.keys(environment).filter((name) => /^GPUHOUR_(?!TEST_)/.test(name) && !known.has(name))
}

function shownValue(field: Field, value: Config[Field]): string {
  if (value === null) return '(unset)'
  if (isSecret(field)) return '(set)'
  return String(value).replace(/^(\w+:\/\/[^:@/]*):[^@/]*@/, '$1:…@')
}

/** The table with the values in force, in its order; neither secrets nor a password in a URL are shown. */
export function describe(config: Config): readonly VariableLine[] {
  const defaults = loadConfig({})
  return fields.map((field) => ({
    variable: table[field].variable,
    value: shownValue(field, config[field]),
    isDefault: config[field] === defaults[field],
    unit: table[field].unit,
    meaning: table[field].meaning,
  }))
}

/** Where webhooks may lead. */
export function webhookPolicyOf({ webhookNetworks }: Config): AddressPolicy {
  return { networks: webhookNetworks?.split(',') ?? [] }
}

/** The socket of the engine as a path. */
export function dockerSocketOf(config: Config): string {
  return config.dockerHost.slice('unix://'.length)
}
