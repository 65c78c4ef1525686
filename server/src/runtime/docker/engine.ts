import { Readable } from 'node:stream'
import Docker from 'dockerode'
import type { Clock } from '../../kernel/clock.ts'
import { messageOf } from '../../kernel/errors.ts'
import { DriverError } from '../driver.ts'

/** The HTTP status with which the engine refused, or null where it did not answer at all. */
export function statusOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return null
  return typeof error.statusCode === 'number' ? error.statusCode : null
}

/** A fault of the engine as the reconciler should take it, where no better reading is known. */
export function driverErrorOf(error: unknown): DriverError {
  if (error instanceof DriverError) return error
  const message = messageOf(error).trim()
  if (statusOf(error) === null) {
    return new DriverError(
      'runtime_unavailable',
      'later',
      `Docker Engine does not answer: ${message}. Is it running?`,
    )
  }
  return new DriverError('runtime_unavailable', 'later', `Docker Engine could not do it: ${message}`)
}

/** Most requests are answered within milliseconds; one that is not is given up, and asked again later. */
const requestMs = 60_000

/** Docker Engine behind its socket, with every question bounded in time. */
export class Engine {
  readonly docker: Docker
  readonly #clock: Clock

  constructor(client: Docker | string, clock: Clock) {
    this.docker = typeof client === 'string' ? new Docker({ socketPath: client }) : client
    this.#clock = clock
  }

  /** Asks the engine; rejects with the signal's reason, or after `withinMs` (default one minute). */
  async ask<T>(
    signal: AbortSignal,
    question: (signal: AbortSignal) => Promise<T>,
    withinMs = requestMs,
  ): Promise<T> {
    signal.throwIfAborted()
    const answered = new AbortController()
    const tooLate = new AbortController()
    const expiry = this.#clock
      .sleep(withinMs, AbortSignal.any([signal, answered.signal]))
      .then(() => tooLate.abort(silence(withinMs)))
      .catch(() => undefined)
    const given = AbortSignal.any([signal, tooLate.signal])
    try {
      // The client does not promise to settle once its request is destroyed, so the signal itself is waited
      // for too.
      return await Promise.race([question(given), rejection(given)])
    } catch (error) {
      given.throwIfAborted()
      throw error
    } finally {
      answered.abort()
      await expiry
    }
  }

  /** Asks for what the client's types do not let one ask for with a signal. */
  async get(signal: AbortSignal, path: string): Promise<unknown> {
    return await this.ask(signal, (abortSignal) =>
      this.#dial({ path, abortSignal, isStream: false, options: {} }),
    )
  }

  /** Opens a streaming answer. The client's own `logs` would gather all of it into one buffer first. */
  async open(signal: AbortSignal, path: string, query: Readonly<Record<string, unknown>>): Promise<Readable> {
    const answer = await this.ask(signal, (abortSignal) =>
      this.#dial({ path: `${path}?`, abortSignal, isStream: true, options: query }),
    )
    if (answer instanceof Readable) return answer
    throw new TypeError('the engine did not answer with a stream')
  }

  #dial(request: {
    path: string
    abortSignal: AbortSignal
    isStream: boolean
    options: object
  }): Promise<unknown> {
    const statusCodes = { 200: true, 400: 'bad parameter', 404: 'not found', 500: 'server error' }
    return new Promise((resolve, reject) => {
      this.docker.modem.dial(
        { method: 'GET', statusCodes, ...request },
        (error: unknown, answer: unknown) => {
          if (error) reject(error)
          else resolve(answer)
        },
      )
    })
  }
}

function silence(ms: number): DriverError {
  return new DriverError('node_unreachable', 'later', `Docker Engine did not answer within ${ms / 1000} s.`)
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
