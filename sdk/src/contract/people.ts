import { z } from 'zod'
import { currency, id, instant, label, name, newId, pageQuery, wanted } from './values.ts'

export const organizationRoles = ['owner', 'admin', 'member', 'billing', 'viewer'] as const
export type OrganizationRole = (typeof organizationRoles)[number]

/** What an API key may be allowed to do. `read` is always needed to see what one does. */
export const keyActions = ['read', 'compute', 'storage', 'connect', 'billing', 'manage', 'operate'] as const
export type KeyAction = (typeof keyActions)[number]

/** The languages that people are written to in. */
export const languages = ['en', 'zh'] as const

/** The party that pays. */
export const organization = z.strictObject({
  id,
  name: z.string(),
  currency,
  timeZone: z.string(),
  language: z.enum(languages).describe('What members are written to in, unless they chose another.'),
  role: z.enum(organizationRoles).nullable().describe('Of whom asks; null for an operator who is no member.'),
  createdAt: instant,
})
export type Organization = z.infer<typeof organization>

/** A space for instances, volumes and runs inside an organization. */
export const project = z.strictObject({ id, organization: id, name: z.string(), createdAt: instant })
export type Project = z.infer<typeof project>

export const newProject = z.strictObject({ id: newId('project'), name })

/** Who is asking, by what, and where they belong. */
export const me = z.strictObject({
  person: z.strictObject({
    id,
    name: z.string(),
    email: z.string(),
    isOperator: z.boolean(),
    language: z.enum(languages).nullable().describe('Of mails; null: the organization’s.'),
  }),
  method: z.enum(['browser_session', 'api_key']),
  apiKey: z
    .strictObject({
      id,
      name: z.string(),
      actions: z.array(z.enum(keyActions)),
      expiresAt: instant.nullable(),
    })
    .nullable(),
  organizations: z.array(organization),
  projects: z.array(project),
})
export type Me = z.infer<typeof me>

export const meChange = z.strictObject({ language: z.enum(languages).nullable() })

export const organizationChange = z.strictObject({ language: z.enum(languages) })

/** A public key by which a person reaches instances through the SSH gateway. */
export const sshKey = z.strictObject({
  id,
  name: z.string(),
  type: z.string().describe('ssh-ed25519, ssh-rsa, ecdsa-sha2-nistp256 …'),
  fingerprint: z.string().describe('SHA256:…'),
  publicKey: z.string(),
  createdAt: instant,
  lastUsedAt: instant.nullable(),
})
export type SshKey = z.infer<typeof sshKey>

export const newSshKey = z.strictObject({
  id: newId('sshKey'),
  name: label,
  publicKey: z
    .string()
    .min(1)
    .max(16_384, { error: 'must be at most 16384 characters' })
    .describe('One line of OpenSSH: type, base64, comment. Ed25519, ECDSA, or RSA of 2048 bits and more.'),
})

/** An API key as it is shown; the secret is not kept. */
export const apiKey = z.strictObject({
  id,
  name: z.string(),
  organization: id,
  project: id.nullable(),
  hint: z.string().describe('The first characters of the secret, to recognise it by.'),
  actions: z.array(z.enum(keyActions)),
  createdAt: instant,
  expiresAt: instant.nullable(),
  lastUsedAt: instant.nullable(),
})
export type ApiKey = z.infer<typeof apiKey>

/** An address by which a browser signs in as oneself, once; the secret stands behind "#", where no log is. */
export const loginLink = z.strictObject({ url: z.string(), expiresAt: instant })

/** The days that an API key lives at most when an end is given. */
export const apiKeyDaysMax = 3650

export const newApiKey = z.strictObject({
  id: newId('apiKey'),
  name: label,
  organization: wanted.optional().describe('Default: the only one of whom asks.'),
  project: wanted.nullable().default(null).describe('Confines the key to one project.'),
  actions: z
    .array(z.enum(keyActions))
    .min(1, { error: 'must name at least one action' })
    .max(keyActions.length)
    .default(['read', 'compute', 'storage', 'connect', 'billing', 'manage']),
  expiresInDays: z
    .int()
    .min(1, { error: 'must be at least 1 day' })
    .max(apiKeyDaysMax, { error: `must be at most ${apiKeyDaysMax} days` })
    .nullable()
    .default(null),
})

/** The answer to making an API key: the only time that the secret is shown. */
export const madeApiKey = z.strictObject({
  ...apiKey.shape,
  secret: z
    .string()
    .nullable()
    .describe('Null when the same request is sent again: it cannot be shown twice.'),
})
export type MadeApiKey = z.infer<typeof madeApiKey>

export const listQuery = z.strictObject(pageQuery)
