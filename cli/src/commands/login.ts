import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { ApiError, createClient, makeId } from '@gpuhour/sdk/client'
import { type CommandSpec, isOn, textOption, UsageError } from '../command.ts'
import { type Access, likelyDataDirs, readPlatform, writeProfile } from '../configuration.ts'
import type { Context } from '../context.ts'
import { SignInError } from '../failures.ts'

/** What the server knows this program by. */
const clientId = 'gpuhour-cli'

/** Answers of RFC 8628, as far as they are read here. */
interface DeviceCode {
  readonly device_code: string
  readonly user_code: string
  readonly verification_uri: string
  readonly verification_uri_complete: string
  readonly expires_in: number
  readonly interval: number
}

async function post(url: string, body: object): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) }).catch(() => {
    throw new SignInError(`Cannot reach ${url}. Check the address, and that the platform is running.`)
  })
  const text = await answer.text()
  try {
    // Whatever it is, only named members that are texts or numbers are read from it.
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    throw new SignInError(`What answers at ${url} is no gpuhour platform. Check the address.`)
  }
}

function deviceCodeOf(answer: Record<string, unknown>, url: string): DeviceCode {
  const isWhole = ['device_code', 'user_code', 'verification_uri', 'verification_uri_complete'].every(
    (name) => typeof answer[name] === 'string',
  )
  if (!isWhole) throw new SignInError(`${url} gives no device codes. Check the address.`)
  // Its texts were just looked at; the two numbers have defaults where they are used.
  return answer as unknown as DeviceCode
}

/** Polls until the person has approved the code in the browser; the token of their session. */
async function tokenOf(url: string, code: DeviceCode): Promise<string> {
  let intervalMs = (code.interval || 5) * 1000
  const endsAt = performance.now() + (code.expires_in || 900) * 1000
  while (performance.now() < endsAt) {
    await delay(intervalMs)
    const answer = await post(`${url}/api/auth/device/token`, {
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: code.device_code,
      client_id: clientId,
    })
    const token = answer['access_token']
    if (typeof token === 'string') return token
    if (answer['error'] === 'slow_down') intervalMs += 1000
    else if (answer['error'] === 'access_denied')
      throw new SignInError('The sign-in was refused in the browser.')
    else if (answer['error'] !== 'authorization_pending') break
  }
  throw new SignInError('The code was not approved in time. Run gpuhour login again.')
}

/**
 * By a code that is approved in any browser; what stays here is an API key of its own, that can be
 * revoked.
 */
async function byDevice(context: Context, given: string): Promise<string> {
  const url = (/^https?:\/\//.test(given) ? given : `http://${given}`).replace(/\/+$/, '')
  if (!URL.canParse(url))
    throw new UsageError(`"${given}" is not an address, such as http://gpu.example.org:7070.`)
  const code = deviceCodeOf(await post(`${url}/api/auth/device/code`, { client_id: clientId }), url)
  context.say(`Open ${code.verification_uri_complete}`)
  context.say(`and approve the code ${code.user_code}.`)
  const session = createClient({ baseUrl: url, apiKey: await tokenOf(url, code) })
  const { organizations } = await session.getMe()
  const [organization] = organizations
  if (!organization) throw new SignInError('You belong to no organization yet. Ask an owner to invite you.')
  const key = await session.createApiKey({
    body: {
      id: makeId('apiKey'),
      name: `gpuhour on ${hostname()}`.slice(0, 80),
      organization: organization.id,
    },
  })
  if (key.secret === null) throw new SignInError('The key was lost on the way. Run gpuhour login again.')
  return writeProfile({ kind: 'remote', url, apiKey: key.secret })
}

/** As the operator of the platform on this machine, by its platform.json. */
async function byMachine(given: string | undefined): Promise<string> {
  const dirs = given ? [given] : likelyDataDirs()
  let last: unknown
  for (const dataDir of dirs) {
    let access: Access
    try {
      access = readPlatform(dataDir)
    } catch (error) {
      last ??= error
      continue
    }
    await createClient({ baseUrl: access.url, apiKey: access.apiKey })
      .getMe()
      .catch((error: unknown) => {
        if (!(error instanceof ApiError) || error.code !== 'unreachable') throw error
        const where = `The platform of this machine does not answer at ${access.url}`
        throw new ApiError('unreachable', error.status, `${where}. Start it: npm start.`, error)
      })
    return writeProfile({ kind: 'local', dataDir })
  }
  throw last
}

export const command: CommandSpec = {
  name: 'login',
  summary: 'sign in, here or at a platform elsewhere',
  args: [['[url]', 'where the platform answers; default http://127.0.0.1:7070']],
  options: [
    ['--local', 'as the operator of the platform on this machine, without a browser'],
    ['--data <folder>', 'with --local: its data directory'],
  ],
  examples: ['gpuhour login --local', 'gpuhour login https://gpu.example.org'],
  async run(context, given) {
    const [url] = given.args
    const dataDir = textOption(given, 'data')
    if (dataDir !== undefined && !isOn(given, 'local')) throw new UsageError('--data goes with --local.')
    const path = isOn(given, 'local')
      ? await byMachine(dataDir)
      : await byDevice(context, url ?? 'http://127.0.0.1:7070')
    const me = await context.me()
    if (context.isJson) return context.printJson(me)
    context.print(`Signed in as ${me.person.name} (${me.person.email}); kept in ${path}.`)
  },
}
