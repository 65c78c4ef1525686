import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { z } from 'zod'
import { systemClock } from '../../server/src/kernel/clock.ts'
import { type Platform, readPlatform } from '../../server/src/main/platform.ts'
import { Firewall } from '../../server/src/runtime/docker/firewall.ts'
import { isAlive, processOf, type ProcessRef } from '../../server/src/store/processes.ts'
import { root } from '../../tools/sources.ts'
import { removeThings, thingsOf } from './engine.ts'
import { Person } from './shell.ts'
import { until } from './until.ts'

// A platform as its operator has it: `npm start` of this checkout, on data and ports of its own.

/** The first start on fresh data: dependencies are there, the console may have to be built. */
const firstStartMs = 180_000
/** A killed platform is back within this (issue 3: "within a minute"). */
const nextStartMs = 60_000
/** Both images are built and proved from the cache within this; from nothing they take longer. */
const imageMsMax = 20 * 60_000

/** What can be killed. */
export const victims = ['api', 'controller', 'gateway', 'postgres', 'main'] as const
export type Victim = (typeof victims)[number]

/** Ports that nobody listens on now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) =>
          server.listen(0, '127.0.0.1', () => {
            const address = server.address()
            resolve(typeof address === 'object' && address ? address.port : 0)
          }),
        ),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** The environment of somebody who just opened a shell: nothing of the test runner is in it. */
function freshEnvironment(): NodeJS.ProcessEnv {
  const env = { ...process.env }
  for (const name of Object.keys(env)) if (/^(NODE_|npm_)/.test(name)) delete env[name]
  const path = (env['PATH'] ?? '').split(delimiter)
  return { ...env, PATH: path.filter((folder) => !folder.includes('node_modules')).join(delimiter) }
}

const refSchema = z.object({ pid: z.number(), startTicks: z.number() })

const notesName = 'journey.json'

/** An image version as `images --json` lists it, as far as it matters here. */
const imagesSchema = z.array(
  z.object({ versions: z.array(z.object({ reference: z.string(), isOffered: z.boolean() })) }),
)

const notesSchema = z.object({
  environment: z.record(z.string(), z.string()),
  npm: refSchema.nullable(),
  from: z.number(),
})

/** Names the folder of a platform that journeys share, one after another; the suite removes it at the end. */
export const sharedVariable = 'GPUHOUR_TEST_JOURNEYS'

export class JourneyPlatform {
  /** Everything of this platform and of its people lies below it. */
  readonly folder: string
  readonly dataDir: string
  readonly environment: NodeJS.ProcessEnv
  /** What other processes of the suite have to know of it. */
  readonly #notes: z.output<typeof notesSchema>
  #npm: ChildProcess | null = null

  private constructor(folder: string, notes: z.output<typeof notesSchema>) {
    this.folder = folder
    this.dataDir = join(folder, 'data')
    this.#notes = notes
    this.environment = { ...freshEnvironment(), GPUHOUR_DATA: this.dataDir, ...notes.environment }
  }

  /** Data and ports for a platform of one's own; nothing runs yet. */
  static async prepare(variables: Readonly<Record<string, string>> = {}): Promise<JourneyPlatform> {
    const folder = mkdtempSync(join(tmpdir(), 'gpuhour-journey-'))
    return JourneyPlatform.#in(folder, variables)
  }

  static async #in(
    folder: string,
    variables: Readonly<Record<string, string>> = {},
  ): Promise<JourneyPlatform> {
    // PostgreSQL's own user must be able to pass.
    chmodSync(folder, 0o711)
    const [port, appsPort, sshPort] = (await freePorts(3)).map(String)
    assert.ok(port && appsPort && sshPort)
    const environment = { GPUHOUR_PORT: port, GPUHOUR_APPS_PORT: appsPort, GPUHOUR_SSH_PORT: sshPort }
    return new JourneyPlatform(folder, { environment: { ...environment, ...variables }, npm: null, from: 0 })
  }

  /** A platform that runs: the suite's, where there is a suite, or one of one's own. */
  static async open(folder = process.env[sharedVariable]): Promise<JourneyPlatform> {
    const platform = await (folder ? JourneyPlatform.#shared(folder) : JourneyPlatform.prepare())
    if (!(await platform.processOf('main').catch(() => null))) await platform.start()
    return platform
  }

  static async #shared(folder: string): Promise<JourneyPlatform> {
    const path = join(folder, notesName)
    if (existsSync(path))
      return new JourneyPlatform(folder, notesSchema.parse(JSON.parse(readFileSync(path, 'utf8'))))
    mkdirSync(folder, { recursive: true })
    return JourneyPlatform.#in(folder)
  }

  /** Removes the suite's platform, if a test started it. */
  static async removeShared(folder: string): Promise<void> {
    if (existsSync(join(folder, notesName))) await (await JourneyPlatform.#shared(folder)).remove()
  }

  /** Leaves it as it was found: without instances, runs and volumes; one of one's own goes altogether. */
  async close(): Promise<void> {
    if (this.folder !== process.env[sharedVariable]) return this.remove()
    if (!(await this.processOf('main'))) await this.start()
    await this.#deleteEverything((await this.record()).installation)
  }

  /** `npm start` in a shell of its own. */
  launch(): void {
    const output = openSync(this.#outputPath, 'a')
    this.#notes.from = readFileSync(this.#outputPath, 'utf8').length
    this.#npm = spawn('npm', ['start'], {
      cwd: root,
      env: this.environment,
      // A group of its own, as a terminal would make it: Ctrl-C then reaches npm and all that it started.
      detached: true,
      stdio: ['ignore', output, output],
    })
    closeSync(output)
    // It may have to outlive this test file.
    this.#npm.unref()
    this.#notes.npm = processOf(this.#npm.pid ?? 0)
    writeFileSync(join(this.folder, notesName), JSON.stringify(this.#notes))
  }

  /** `npm start`, until it is ready; answers after how many ms. */
  async start(): Promise<number> {
    const begun = performance.now()
    const withinMs = existsSync(this.dataDir) ? nextStartMs : firstStartMs
    this.launch()
    await until('ready:', () => /^ready: /m.test(this.output()) || !this.#isUp(), {
      withinMs,
      seen: () => this.output(),
    })
    assert.match(this.output(), /^ready: http:\/\/localhost:\d+$/m, this.output())
    return performance.now() - begun
  }

  #isUp(): boolean {
    return this.#notes.npm !== null && isAlive(this.#notes.npm)
  }

  get #outputPath(): string {
    return join(this.folder, 'npm-start.txt')
  }

  /** What the present `npm start` has written. */
  output(): string {
    return readFileSync(this.#outputPath, 'utf8').slice(this.#notes.from)
  }

  /** The one-time link that this start printed. */
  loginLink(): string {
    const link = /^Sign in once with: (http:\S+)$/m.exec(this.output())?.[1]
    assert.ok(link, this.output())
    return link
  }

  /** What the data directory says of the platform. */
  async record(): Promise<Platform> {
    const record = await readPlatform(this.dataDir)
    assert.ok(record, `${this.dataDir} has no platform.json`)
    return record
  }

  /** The process behind a name, as the platform itself noted it; null while there is none. */
  async processOf(victim: Victim): Promise<ProcessRef | null> {
    if (victim === 'main') return processOf((await this.record()).pid)
    try {
      if (victim === 'postgres') {
        const text = readFileSync(join(this.dataDir, 'postgres/data/postmaster.pid'), 'utf8')
        return processOf(Number(text.split('\n')[0]))
      }
      const ref = refSchema.parse(JSON.parse(readFileSync(join(this.dataDir, `run/${victim}.json`), 'utf8')))
      return isAlive(ref) ? ref : null
    } catch {
      return null
    }
  }

  /** SIGKILL to the real process, once there is one; answers its pid. */
  async kill(victim: Victim): Promise<number> {
    const { pid } = await until(`a process of ${victim}`, () => this.processOf(victim), {
      seen: () => this.output(),
    })
    process.kill(pid, 'SIGKILL')
    return pid
  }

  /** Ends `npm start` as a terminal's Ctrl-C does: the signal goes to the whole group. */
  async interrupt(): Promise<number | null> {
    if (this.#notes.npm && this.#isUp()) process.kill(-this.#notes.npm.pid, 'SIGINT')
    return this.exited()
  }

  /** Waits until the present `npm start` is over; its exit code, where it was started by this test file. */
  async exited(): Promise<number | null> {
    const npm = this.#npm
    const isOver = (): boolean => !this.#isUp() && (!npm || npm.exitCode !== null || npm.signalCode !== null)
    await until('the end of npm start', isOver, { seen: () => this.output() })
    return npm?.exitCode ?? null
  }

  /** Waits until an image is on offer. */
  async untilOffered(person: Person, reference: string): Promise<void> {
    const isOffered = async (): Promise<boolean> => {
      const images = await person.json(imagesSchema, 'images')
      return images.some(({ versions }) =>
        versions.some((one) => one.reference === reference && one.isOffered),
      )
    }
    // Each look is a program that starts: more of them would only keep the image waiting.
    const patience = { withinMs: imageMsMax, everyMs: 1_000 }
    await until(`${reference} on offer`, isOffered, { ...patience, seen: () => this.output() })
  }

  /** Removes what a start left that came to nothing. */
  forget(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Removes everything: instances and volumes as their owner would, then the platform and its data. */
  async remove(): Promise<void> {
    if (!existsSync(this.dataDir)) return this.forget()
    const { installation } = await this.record()
    const left: string[] = []
    try {
      if (!(await this.processOf('main'))) await this.start()
      await this.#deleteEverything(installation)
    } finally {
      const code = await this.interrupt()
      if (code !== null && code !== 0) left.push(`exit code ${code} of npm start`)
      const alive = (await Promise.all(victims.map((victim) => this.processOf(victim)))).filter(
        (one) => one !== null,
      )
      left.push(
        ...alive.map(({ pid }) => `process ${pid}`),
        ...(await thingsOf(installation)),
        ...this.#folders(),
      )
      await removeThings(installation)
      await new Firewall(installation, systemClock).removeRules()
      rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
    }
    assert.deepEqual(left, [], 'the platform left this behind')
  }

  #folders(): readonly string[] {
    return ['pool/volumes', 'pool/removed', 'allocations'].flatMap((name) => {
      const folder = join(this.dataDir, name)
      return existsSync(folder) ? readdirSync(folder).map((entry) => `${name}/${entry}`) : []
    })
  }

  async #deleteEverything(installation: string): Promise<void> {
    const owner = new Person(this)
    // After a test that was cut short something may still be on its way back.
    const isSignedIn = async (): Promise<boolean> => (await owner.gpuhour('login', '--local')).code === 0
    await until('the operator signed in', isSignedIn, { seen: () => this.output() })
    const named = z.array(z.object({ id: z.string() }))
    for (const { id } of await owner.json(named, 'ls')) await owner.ask('rm', id, '--yes')
    const isGone = async (): Promise<boolean> => (await thingsOf(installation)).length === 0
    await until('the engine without anything of ours', isGone, { seen: () => this.output() })
    for (const { id } of await owner.json(named, 'volumes')) await owner.ask('volumes', 'rm', id, '--yes')
    const hasNoFolder = (): boolean => this.#folders().length === 0
    await until('no folder of a volume', hasNoFolder, { seen: () => this.#folders().join('\n') })
  }
}
