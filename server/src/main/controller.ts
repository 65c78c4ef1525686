import { hostname } from 'node:os'
import { join } from 'node:path'
import { makeBudgetWatcher } from '../loops/budget_watcher.ts'
import { makeBuilder } from '../loops/builder.ts'
import { makeCashier } from '../loops/cashier.ts'
import { makeCreditKeeper } from '../loops/credit_keeper.ts'
import { makeInvoicer } from '../loops/invoicer.ts'
import { makeLeaseKeeper } from '../loops/lease_keeper.ts'
import { makeLogKeeper } from '../loops/log_keeper.ts'
import type { Loop } from '../loops/loop.ts'
import { makeMeter } from '../loops/meter.ts'
import { makeObserver } from '../loops/observer.ts'
import { makeMailer } from '../loops/mailer.ts'
import { makeOutbox } from '../loops/outbox.ts'
import { makePlacer } from '../loops/placer.ts'
import { makePricer } from '../loops/pricer.ts'
import { makeReconciler } from '../loops/reconciler.ts'
import { makeRegistrar } from '../loops/registrar.ts'
import { type Running, runLoop } from '../loops/runner.ts'
import { endLease, living, recordLeave } from '../loops/subjects.ts'
import { makeSweeper } from '../loops/sweeper.ts'
import { makeWebhookSender } from '../loops/webhook_sender.ts'
import { makeWarner } from '../loops/warner.ts'
import { emptyWorld } from '../loops/world.ts'
import { DiskStore } from '../objects/disk.ts'
import { liveAllocations } from '../placement/placement.ts'
import { DockerRuntime, removerBy } from '../runtime/docker/docker.ts'
import { Janitor } from '../runtime/docker/janitor.ts'
import { FolderPool } from '../runtime/docker/volumes.ts'
import type { RuntimeDriver } from '../runtime/driver.ts'
import { keepInFile } from '../runtime/simulated/keep.ts'
import { SimulatedRuntime } from '../runtime/simulated/simulated.ts'
import { SimulatedPool } from '../runtime/simulated/volumes.ts'
import { SimulatedWorld } from '../runtime/simulated/world.ts'
import type { VolumePool } from '../runtime/volumes.ts'
import type { Channel } from '../store/store.ts'
import { webhookPolicyOf } from './config.ts'
import { aborted, MainIsGone, type RoleContext, type RunningRole } from './context.ts'
import { imageBuilderOf } from './images.ts'
import { writeLoopHealth } from './loophealth.ts'
import { paymentsOf } from './payments.ts'

/** The session lock of the one active controller: a constant of ours, not a secret. */
const controllerLock = 7_070_002

interface Runtime {
  readonly driver: RuntimeDriver
  readonly pool: VolumePool
  /** Takes back what the driver changed on the machine for all allocations; called when none is left. */
  readonly leave: () => Promise<void>
}

function dockerRuntime({ config, platform, clock, log }: RoleContext): Runtime {
  const engine = new URL(config.dockerHost).pathname
  const dataDirectory = config.volumeRoot ?? config.dataDir
  const driver = new DockerRuntime({
    engine,
    installation: platform.installation,
    dataDirectory,
    clock,
    nodeName: hostname(),
    log: (message, detail) => log.warn(detail ?? {}, message),
  })
  const janitor = new Janitor(engine, platform.installation, clock)
  const pool = new FolderPool(dataDirectory, undefined, removerBy(janitor))
  return { driver, pool, leave: () => driver.removeRules() }
}

const simulatedDevices = Array.from({ length: 8 }, (_, index) => ({
  id: `GPU-simulated-${index}`,
  model: 'h100',
  memoryMib: 81_559,
  healthy: true,
}))

/** A machine that exists only in a file: large enough to play with. */
function simulatedRuntime({ config, platform, clock }: RoleContext): Runtime {
  const world = new SimulatedWorld({
    clock,
    seed: platform.installation,
    nodes: [{ name: 'simulated-1', cpus: 64, memoryGib: 514, diskGib: 4096, devices: simulatedDevices }],
    keep: keepInFile(join(config.dataDir, 'simulated', 'world.json')),
  })
  const driver = new SimulatedRuntime({ world, installation: platform.installation })
  return { driver, pool: new SimulatedPool(), leave: async () => {} }
}

/** Which notifications shorten which loop's wait. */
const nudgedBy: Readonly<Record<string, readonly Channel[]>> = {
  placer: ['placement', 'images'],
  reconciler: ['compute'],
  observer: ['nodes'],
  registrar: ['nodes'],
  meter: ['billing'],
  lease_keeper: ['billing'],
  budget_watcher: [],
  credit_keeper: ['billing'],
  log_keeper: ['compute'],
  sweeper: ['compute'],
  pricer: [],
  builder: ['images'],
  invoicer: ['invoices'],
  warner: [],
  outbox: ['notices'],
  cashier: ['payments'],
}

function makeLoops(
  context: RoleContext,
  { driver, pool }: Runtime,
  nudge: (loop: string) => void,
): readonly Loop[] {
  const { store, clock, log, config, platform } = context
  const { installation, version } = platform
  const nudgeObserver = (): void => nudge('observer')
  const send = makeWebhookSender({ policy: webhookPolicyOf(config), clock, version })
  const { smtpUrl, mailFrom } = config
  const sendMail = smtpUrl === null ? null : makeMailer({ url: smtpUrl, from: mailFrom })
  const world = emptyWorld()
  const onTrouble = (subject: string, what: string, error: unknown): void =>
    log.warn({ err: error, subject }, `cannot do this now, and will try again: ${what}`)
  return [
    makeObserver(store, driver, world),
    makeRegistrar(store, driver),
    makePlacer(store),
    makeReconciler({ store, driver, pool, world, clock, nudgeObserver, onTrouble, inBackground: true }),
    makeMeter(store),
    makeLeaseKeeper(store, endLease),
    makeBudgetWatcher(store),
    makeInvoicer(store, new DiskStore(join(config.dataDir, 'objects'), clock)),
    makeCreditKeeper(store),
    makeLogKeeper({ store, driver, world, clock, dataDir: config.dataDir, onTrouble }),
    makeSweeper({ store, driverName: driver.name, pool, onTrouble }),
    makeWarner({ store, driver, console: platform.console, onTrouble }),
    makeOutbox({
      ...{ store, send, sendMail, console: platform.console, clock, installation, onTrouble },
      inBackground: true,
      nudge: () => nudge('outbox'),
    }),
    makePricer(store, onTrouble),
    makeCashier({ store, payments: paymentsOf(config), installation, clock }),
    ...(driver.name === 'docker'
      ? [makeBuilder({ store, builder: imageBuilderOf(context), clock, onTrouble })]
      : []),
  ]
}

/**
 * Runs every loop until the signal fires; the observer has looked once before any other begins. However it
 * ends, nothing of it works or listens any more: the next generation would have it beside itself.
 */
async function runLoops(
  context: RoleContext,
  runtime: Runtime,
  signal: AbortSignal,
  begun: () => void,
): Promise<void> {
  const { store, clock, log } = context
  const over = new AbortController()
  const whileRunning = AbortSignal.any([signal, over.signal])
  const running = new Map<string, Running>()
  const loops = makeLoops(context, runtime, (loop) => running.get(loop)?.nudge())
  const onFailure = (loop: string, error: unknown): void =>
    log.error({ err: error, loop }, `the ${loop} failed`)
  const [observer, registrar] = loops
  await registrar?.pass(signal)
  await observer?.pass(signal)
  const channels = [...new Set(Object.values(nudgedBy).flat())]
  let unlisten = async (): Promise<void> => {}
  try {
    for (const loop of loops) running.set(loop.name, runLoop(loop, clock, whileRunning, onFailure))
    unlisten = await store.listen(channels, (channel) => {
      for (const [name, heard] of Object.entries(nudgedBy))
        if (heard.includes(channel)) running.get(name)?.nudge()
    })
    runtime.driver.watch(() => running.get('observer')?.nudge(), whileRunning)
    begun()
    const health = [...running.values()].map((one) => one.health)
    await writeLoopHealth(context, health, whileRunning)
  } finally {
    over.abort(new Error('the loops end'))
    await Promise.all([...running.values()].map(({ ended }) => ended))
    await unlisten()
  }
}

/** What runs goes on free of charge from an orderly stop to the next start, however soon that is. */
async function leaveTenants({ store, log }: RoleContext): Promise<void> {
  try {
    for (const subject of (await store.read((tx) => living(tx))).values())
      await store.transact((tx) => recordLeave(tx, subject))
  } catch (error) {
    log.warn({ err: error }, 'cannot write down that the platform stops')
  }
}

/** An orderly stop with nothing left to guard leaves no firewall rule behind. */
async function leaveMachine({ store, log }: RoleContext, runtime: Runtime): Promise<void> {
  try {
    const live = await store.read((tx) => liveAllocations(tx))
    if (live.length === 0) await runtime.leave()
  } catch (error) {
    log.warn({ err: error }, 'cannot take back the firewall rules')
  }
}

/**
 * Keeps the loops running while this process holds the controllers' lock: it is lost with the database's
 * connection, and then everything is learned again.
 */
async function control(context: RoleContext, runtime: Runtime, begun: () => void): Promise<void> {
  const { store, signal, clock, log } = context
  const pauseMs = 250
  while (!signal.aborted) {
    const generation = new AbortController()
    const while_ = AbortSignal.any([signal, generation.signal])
    try {
      const { lost } = await store.holdLock(controllerLock, while_)
      void lost.then(() => generation.abort(new Error('lost the database')))
      await runLoops(context, runtime, while_, begun)
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'the loops have to begin again')
    } finally {
      generation.abort(new Error('begins again'))
    }
    await clock.sleep(pauseMs, signal).catch(() => {})
  }
  if (!(signal.reason instanceof MainIsGone)) await leaveTenants(context)
  await leaveMachine(context, runtime)
}

/**
 * Starts the role `controller`; resolves when its loops run. A second controller waits for the first one's
 * end.
 */
export async function startController(context: RoleContext): Promise<RunningRole> {
  const runtime = context.config.runtime === 'docker' ? dockerRuntime(context) : simulatedRuntime(context)
  let ended: Promise<void> = Promise.resolve()
  await new Promise<void>((resolve) => {
    ended = control(context, runtime, resolve)
    void aborted(context.signal).then(resolve)
  })
  return { ended }
}
