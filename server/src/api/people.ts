import type { ApiKey, Me, SshKey } from '@gpuhour/sdk/contract'
import { linkMs, loginLinkFor } from '../identity/links.ts'
import { AppError } from '../kernel/errors.ts'
import { asId, type OrganizationId } from '../kernel/ids.ts'
import { hourMs, instant } from '../kernel/time.ts'
import type { Tx } from '../store/store.ts'
import type { Principal } from '../tenancy/rules.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import { organizationFor, projectFor, require } from './access.ts'
import { type CheckedBody, type Handlers, made, ok } from './calls.ts'
import { pageOfAll } from './pages.rules.ts'
import type { ApiParts } from './parts.ts'
import { organizationView, projectView, visibleProjects } from './projects.ts'
import { shown } from './views.rules.ts'

function sshKeyView(row: tenancy.SshKeyRow): SshKey {
  const { id, name, publicKey, fingerprint } = row
  const type = publicKey.slice(0, publicKey.indexOf(' '))
  const [createdAt, lastUsedAt] = [shown(row.createdAt), shown(row.lastUsedAt)]
  return { id, name, type, fingerprint, publicKey, createdAt, lastUsedAt }
}

function apiKeyView(row: tenancy.ApiKeyRow): ApiKey {
  const { id, name, organization, project, hint, actions } = row
  return {
    id,
    name,
    organization,
    project,
    hint,
    actions: [...actions],
    createdAt: shown(row.createdAt),
    expiresAt: shown(row.expiresAt),
    lastUsedAt: shown(row.lastUsedAt),
  }
}

/** One's own things: everybody may see them, and a key only where it may manage. */
function requireOwn(principal: Principal, action: 'read' | 'manage'): void {
  require(principal, action, { kind: 'person', person: principal.person }, 'person', principal.person)
}

/** The organization that a key is for: the named one, or the only one there is. */
async function organizationOfKey(
  tx: Tx,
  principal: Principal,
  named: string | undefined,
): Promise<OrganizationId> {
  if (named !== undefined) return (await organizationFor(tx, principal, 'read', named)).id
  const [only, ...others] = principal.memberships
  if (only && others.length === 0) return only.organization
  const message = 'must be named where one belongs to several organizations, or to none'
  throw new AppError('invalid_request', 'Which organization is the key for? Name it.', undefined, [
    { pointer: '/organization', message },
  ])
}

async function createKey(
  tx: Tx,
  principal: Principal,
  body: CheckedBody<'createApiKey'>,
  requestId: string,
): ReturnType<typeof tenancy.createApiKey> {
  requireOwn(principal, 'manage')
  const organization = await organizationOfKey(tx, principal, body.organization)
  const project = body.project === null ? null : await projectFor(tx, principal, 'read', body.project)
  const now = await tx.now()
  const answer = await tenancy.createApiKey(tx, principal, {
    id: asId('apiKey', body.id),
    name: body.name,
    organization,
    project: project?.id ?? null,
    actions: body.actions,
    expiresAt: body.expiresInDays === null ? null : instant(now + body.expiresInDays * 24 * hourMs),
  })
  const change = { organization, principal, action: 'api_key.create', target: body.id, requestId }
  if (answer.is === 'new') await tenancy.audit(tx, { ...change, after: body })
  return answer
}

type SshKeyRoutes = 'listSshKeys' | 'createSshKey' | 'deleteSshKey'
type ApiKeyRoutes = 'listApiKeys' | 'createApiKey' | 'deleteApiKey'

function sshKeyHandlers({ store }: ApiParts): Pick<Handlers, SshKeyRoutes> {
  return {
    listSshKeys: async ({ principal, query }) => {
      requireOwn(principal, 'read')
      const rows = await store.read((tx) => tenancy.sshKeysOf(tx, principal.person))
      return ok(pageOfAll(rows, query, ({ id }) => id, sshKeyView))
    },

    createSshKey: async ({ principal, body, requestId }) => {
      requireOwn(principal, 'manage')
      const answer = await store.transact(async (tx) => {
        const { name, publicKey } = body
        const id = asId('sshKey', body.id)
        const created = await tenancy.addSshKey(tx, principal, { id, name, publicKey })
        const change = { organization: null, principal, action: 'ssh_key.create', target: id, requestId }
        if (created.is === 'new') await tenancy.audit(tx, { ...change, after: created.row.fingerprint })
        return created
      })
      return made(answer.is === 'new', sshKeyView(answer.row))
    },

    deleteSshKey: async ({ principal, params, requestId }) => {
      requireOwn(principal, 'manage')
      await store.transact(async (tx) => {
        const { id, fingerprint } = await tenancy.removeSshKey(tx, principal, params.sshKey)
        const change = { organization: null, principal, action: 'ssh_key.delete', target: id, requestId }
        await tenancy.audit(tx, { ...change, before: fingerprint })
      })
      return ok({})
    },
  }
}

function apiKeyHandlers({ store }: ApiParts): Pick<Handlers, ApiKeyRoutes> {
  return {
    listApiKeys: async ({ principal, query }) => {
      requireOwn(principal, 'read')
      const rows = await store.read((tx) => tenancy.apiKeysSeen(tx, principal))
      return ok(pageOfAll(rows, query, ({ id }) => id, apiKeyView))
    },

    createApiKey: async ({ principal, body, requestId }) => {
      const answer = await store.transact((tx) => createKey(tx, principal, body, requestId))
      return made(answer.is === 'new', { ...apiKeyView(answer.row), secret: answer.secret })
    },

    deleteApiKey: async ({ principal, params, requestId }) => {
      requireOwn(principal, 'manage')
      await store.transact(async (tx) => {
        const { id, organization } = await tenancy.revokeApiKey(tx, principal, params.apiKey)
        await tenancy.audit(tx, { organization, principal, action: 'api_key.delete', target: id, requestId })
      })
      return ok({})
    },
  }
}

async function meView(tx: Tx, principal: Principal): Promise<Me> {
  const organizations = await tenancy.organizationsSeen(tx, principal)
  const ids = organizations.map((row) => row.id)
  const projects = visibleProjects(await tenancy.projectsOf(tx, ids), principal)
  const { person: id, name, email, isOperator, key } = principal
  const language = (await tenancy.person(tx, id))?.language ?? null
  return {
    person: { id, name, email, isOperator, language },
    method: key ? ('api_key' as const) : ('browser_session' as const),
    apiKey: key && {
      id: key.id,
      name: key.name,
      actions: [...key.actions],
      expiresAt: shown(key.expiresAt),
    },
    organizations: organizations.map((row) => organizationView(row, principal)),
    projects: projects.map(projectView),
  }
}

type PeopleRoutes = 'getMe' | 'changeMe' | 'createLoginLink' | SshKeyRoutes | ApiKeyRoutes

/** Oneself and one's keys. */
export function peopleHandlers(parts: ApiParts): Pick<Handlers, PeopleRoutes> {
  return {
    ...sshKeyHandlers(parts),
    ...apiKeyHandlers(parts),

    createLoginLink: async ({ principal, requestId }) => {
      requireOwn(principal, 'manage')
      if (!tenancy.mayMintLoginLink(principal)) {
        const why = 'This key is confined: a session could do more than it. Sign in with gpuhour login.'
        throw new AppError('forbidden', why)
      }
      return ok(
        await parts.store.transact(async (tx) => {
          const expiresAt = instant((await tx.now()) + linkMs)
          const url = await loginLinkFor(tx, principal.person, parts.consoleUrl)
          const change = { organization: null, principal, action: 'login_link.create', requestId }
          await tenancy.audit(tx, { ...change, target: principal.person })
          return { url, expiresAt: shown(expiresAt) }
        }),
      )
    },

    getMe: async ({ principal }) => ok(await parts.store.read((tx) => meView(tx, principal))),

    changeMe: async ({ principal, body, requestId }) => {
      requireOwn(principal, 'manage')
      return ok(
        await parts.store.transact(async (tx) => {
          await tenancy.setPersonLanguage(tx, principal.person, body.language)
          const change = { organization: null, principal, action: 'person.change', requestId }
          await tenancy.audit(tx, { ...change, target: principal.person, after: body })
          return meView(tx, principal)
        }),
      )
    },
  }
}
