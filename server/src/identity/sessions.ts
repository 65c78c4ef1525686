import { betterAuth } from 'better-auth'
import { APIError, createAuthEndpoint } from 'better-auth/api'
import { setSessionCookie } from 'better-auth/cookies'
import { bearer } from 'better-auth/plugins/bearer'
import { deviceAuthorization } from 'better-auth/plugins/device-authorization'
import { PostgresDialect } from 'kysely'
import pg from 'pg'
import { z } from 'zod'
import { AppError, isAppError, messageOf } from '../kernel/errors.ts'
import { sha256Hex } from '../kernel/ids.ts'
import type { Store, Tx } from '../store/store.ts'
import type { Principal } from '../tenancy/rules.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import { bearerOf, type Credential, type Identity } from './identity.ts'
import { redeemLoginLink } from './links.ts'
import { hashPassword, verifyPassword } from './passwords.ts'

/** The browser's cookie: bound to this host by its prefix, out of reach of scripts. */
export const sessionCookie = '__Host-gpuhour'

/** The only program that may ask for a device code. */
export const deviceClient = 'gpuhour-cli'

/**
 * Where the edge tells better-auth who is calling; whatever the client itself sends under this name is
 * dropped.
 */
export const clientAddressHeader = 'x-gpuhour-client'

/** What signing in needs. */
export interface SessionOptions {
  readonly databaseUrl: string
  readonly store: Store
  /** `http://localhost:7070`; the first is what links are made of. */
  readonly origins: readonly [string, ...string[]]
  /** Signs cookies; stays the same across starts, or everybody is signed out. */
  readonly secret: string
  readonly onError?: (message: string, detail: unknown) => void
}

/** Signing in and staying so. */
export interface Sessions {
  readonly identity: Identity
  /** Answers `/api/auth/*`. */
  handle(request: Request): Promise<Response>
  close(): Promise<void>
}

/**
 * `POST /api/auth/link { token }`: signs in by a one-time link; the person's user is made on the first
 * one.
 */
function loginLinks(store: Store) {
  return {
    id: 'gpuhour-login-link',
    endpoints: {
      signInByLink: createAuthEndpoint(
        '/link',
        { method: 'POST', body: z.strictObject({ token: z.string().max(200) }) },
        async (ctx) => {
          const person = await store
            .transact((tx) => redeemLoginLink(tx, ctx.body.token))
            .catch((error: unknown) => {
              if (!isAppError(error) || error.code !== 'unauthenticated') throw error
              throw new APIError('UNAUTHORIZED', { message: error.message })
            })
          const { internalAdapter } = ctx.context
          const { email, name } = person
          const asked = { email, name, emailVerified: true }
          const found = await internalAdapter.findUserByEmail(email)
          const user = found?.user ?? (await internalAdapter.createUser(asked, { method: 'magic-link' }))
          if (person.identityUser !== user.id)
            await store.transact((tx) => tenancy.setIdentityUser(tx, person.id, user.id))
          const session = await internalAdapter.createSession(user.id)
          await setSessionCookie(ctx, { session, user })
          return ctx.json({ person: person.id, hasPassword: await hasPassword(internalAdapter, user.id) })
        },
      ),
    },
  }
}

async function hasPassword(
  adapter: { findAccounts(user: string): Promise<readonly { password?: string | null | undefined }[]> },
  user: string,
): Promise<boolean> {
  return (await adapter.findAccounts(user)).some(({ password }) => Boolean(password))
}

/** The whole configuration; also what the test of migration 0002 compares it with. */
export function authOptions(options: SessionOptions, pool: pg.Pool) {
  return {
    appName: 'gpuhour',
    baseURL: options.origins[0],
    basePath: '/api/auth',
    trustedOrigins: [...options.origins],
    secret: sha256Hex(`sessions/${options.secret}`),
    database: { dialect: new PostgresDialect({ pool }), type: 'postgres' as const, schemaName: 'identity' },
    // Nobody signs up by themselves: a person begins with a link.
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: 12,
      maxPasswordLength: 256,
      password: { hash: hashPassword, verify: verifyPassword },
    },
    // Fetch metadata and Origin are checked by our edge as well, for every route that a cookie opens.
    advanced: {
      // Its "__Secure-" prefix would stand before ours; the attribute is set where the cookie is renamed.
      useSecureCookies: false,
      cookies: {
        session_token: { name: sessionCookie, attributes: { secure: true, sameSite: 'lax' as const } },
      },
      ipAddress: { ipAddressHeaders: [clientAddressHeader] },
    },
    rateLimit: { enabled: true },
    telemetry: { enabled: false },
    logger: {
      level: 'warn' as const,
      log: (_level: unknown, message: string, ...detail: unknown[]) => options.onError?.(message, detail),
    },
    plugins: [
      bearer(),
      deviceAuthorization({
        verificationUri: '/device',
        expiresIn: '15m',
        interval: '2s',
        validateClient: (client) => client === deviceClient,
      }),
      loginLinks(options.store),
    ],
  }
}

/** Opens signing in on the same database, in schema `identity`, by a few connections of its own. */
export function openSessions(options: SessionOptions): Sessions {
  // better-auth wants pg's own reading of types, so it cannot share the store's pool.
  const pool = new pg.Pool({ connectionString: options.databaseUrl, max: 4, connectionTimeoutMillis: 10_000 })
  pool.on('error', (error) => options.onError?.('lost a database connection', error.message))
  const auth = betterAuth(authOptions(options, pool))
  return {
    identity: {
      method: 'browser_session',
      identify: (tx, presented) =>
        identifySession(tx, presented, (headers) => auth.api.getSession({ headers })),
    },
    handle: async (request) => {
      if (request.method !== 'POST' || new URL(request.url).pathname !== '/api/auth/set-password')
        return auth.handler(request)
      // better-auth keeps this one for servers: it asks for the session, and for no password before it.
      const body = setPasswordSchema.safeParse(await request.json().catch(() => null))
      if (!body.success) return Response.json({ message: 'Send newPassword.' }, { status: 400 })
      return auth.api
        .setPassword({ body: body.data, headers: request.headers, asResponse: true })
        .catch((error: unknown) => refusalOf(error))
    },
    close: () => pool.end(),
  }
}

const setPasswordSchema = z.strictObject({ newPassword: z.string().max(256) })

function refusalOf(error: unknown): Response {
  if (!(error instanceof APIError)) throw error
  return Response.json({ message: error.message }, { status: error.statusCode })
}

type GetSession = (headers: Headers) => Promise<{ readonly user: { readonly id: string } } | null>

/** By the cookie, or by the token of a session that a device flow gave to the CLI. */
async function identifySession(
  tx: Tx,
  { headers }: Credential,
  getSession: GetSession,
): Promise<Principal | null> {
  if (bearerOf(headers) === null && !headers.get('cookie')?.includes(`${sessionCookie}=`)) return null
  const session = await getSession(headers).catch((error: unknown) => {
    // better-auth throws what pg threw, from a connection of its own.
    throw new AppError('unavailable', 'Sessions cannot be read just now. Try again in a few seconds.', {
      cause: messageOf(error),
    })
  })
  const person = session && (await tenancy.personByIdentityUser(tx, session.user.id))
  return person ? tenancy.principalOf(tx, person, 'browser_session') : null
}
