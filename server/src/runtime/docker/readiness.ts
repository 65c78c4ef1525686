import { request } from 'node:http'
import { connect } from 'node:net'
import type { Clock } from '../../kernel/clock.ts'
import { unreachable } from '../../kernel/errors.ts'
import type { Probe } from '../driver.ts'

/** The pause between two questions while the usual start lasts; from then on each is a fifth longer. */
const firstPauseMs = 50
const usualStartMs = 5000
const longestPauseMs = 1000
/** A door that takes longer than this to answer is asked again. */
const answerMs = 2000

/** Resolves when every probe has passed once at `host`; rejects only with the signal's reason. */
export async function allPass(
  probes: readonly Probe[],
  host: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(probes.map((probe) => passes(probe, host, clock, signal)))
}

async function passes(probe: Probe, host: string, clock: Clock, signal: AbortSignal): Promise<void> {
  const began = clock.monotonic()
  for (let pauseMs = firstPauseMs; ;) {
    if (await answers(probe, host, clock, signal)) return
    await clock.sleep(pauseMs, signal)
    if (clock.monotonic() - began > usualStartMs) pauseMs = Math.min(pauseMs * 1.2, longestPauseMs)
  }
}

async function answers(probe: Probe, host: string, clock: Clock, signal: AbortSignal): Promise<boolean> {
  if (probe.kind === 'started') return true
  const done = new AbortController()
  const question = AbortSignal.any([signal, done.signal])
  const tooLate = clock.sleep(answerMs, question).then(
    () => false,
    () => false,
  )
  try {
    return await Promise.race([ask(probe, host, question), tooLate])
  } finally {
    done.abort()
  }
}

function ask(
  probe: Exclude<Probe, { kind: 'started' }>,
  host: string,
  signal: AbortSignal,
): Promise<boolean> {
  switch (probe.kind) {
    case 'http':
      return askHttp(probe.port, probe.path, probe.headers, host, signal)
    case 'tcp':
      return askTcp(probe.port, probe.banner, host, signal)
    default:
      return unreachable(probe)
  }
}

function askHttp(
  port: number,
  path: string,
  headers: ReadonlyMap<string, string>,
  host: string,
  signal: AbortSignal,
): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { host, port, path, headers: Object.fromEntries(headers), agent: false, signal }
    request(options, (response) => {
      const status = response.statusCode ?? 500
      response.on('error', () => undefined).destroy()
      resolve(status >= 200 && status < 300)
    })
      .on('error', () => resolve(false))
      .end()
  })
}

function askTcp(port: number, banner: string | null, host: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    let heard = ''
    const socket = connect({ host, port, signal })
    const settle = (passed: boolean) => {
      resolve(passed)
      socket.destroy()
    }
    socket.on('error', () => settle(false)).on('close', () => settle(false))
    if (banner === null) socket.on('connect', () => settle(true))
    else {
      socket.on('data', (bytes) => {
        heard += bytes.toString('latin1')
        if (heard.length >= banner.length) settle(heard.startsWith(banner))
      })
    }
  })
}

/** Which containers' doors have answered; kept in memory, asked anew after a restart of ours. */
export class Readiness {
  readonly #clock: Clock
  readonly #passed: () => void
  readonly #asking = new Map<string, { readonly key: string; readonly controller: AbortController }>()
  readonly #answered = new Map<string, string>()

  /** `passed` is called whenever a container's last probe has passed. */
  constructor(clock: Clock, passed: () => void) {
    this.#clock = clock
    this.#passed = passed
  }

  /**
   * Begins to ask a container's doors, unless that is done or under way. Another start is another
   * container.
   */
  begin(containerId: string, startedAt: number, host: string, probes: readonly Probe[]): void {
    const key = String(startedAt)
    if (this.knows(containerId, startedAt)) return
    this.forget(containerId)
    const controller = new AbortController()
    this.#asking.set(containerId, { key, controller })
    allPass(probes, host, this.#clock, controller.signal).then(
      () => {
        this.#asking.delete(containerId)
        this.#answered.set(containerId, key)
        this.#passed()
      },
      // Only its own signal ends it early.
      () => undefined,
    )
  }

  /** Is this start of the container being asked, or has it answered? */
  knows(containerId: string, startedAt: number): boolean {
    const key = String(startedAt)
    return this.#answered.get(containerId) === key || this.#asking.get(containerId)?.key === key
  }

  /** Have the doors of this start of the container answered? */
  hasAnswered(containerId: string, startedAt: number | null): boolean {
    return startedAt !== null && this.#answered.get(containerId) === String(startedAt)
  }

  /** The container has ended or is gone. */
  forget(containerId: string): void {
    this.#asking.get(containerId)?.controller.abort()
    this.#asking.delete(containerId)
    this.#answered.delete(containerId)
  }

  /** Keeps only these. */
  keep(containerIds: ReadonlySet<string>): void {
    for (const id of [...this.#asking.keys(), ...this.#answered.keys()])
      if (!containerIds.has(id)) this.forget(id)
  }

  /** Asks no more. */
  close(): void {
    this.keep(new Set())
  }
}
