import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'

/** What the process counts about itself; no name of any tenant is in it. */
export interface Metrics {
  observe(route: string, method: string, status: number, ms: number): void
  text(): Promise<string>
  readonly contentType: string
}

/** Makes the registry of one process. */
export function makeMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'gpuhour_api_' })
  const requests = new Counter({
    name: 'gpuhour_api_requests_total',
    help: 'Requests by route and status.',
    labelNames: ['route', 'method', 'status'],
    registers: [registry],
  })
  const durations = new Histogram({
    name: 'gpuhour_api_request_seconds',
    help: 'Time to the first byte of the answer.',
    labelNames: ['route'],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3],
    registers: [registry],
  })
  return {
    observe(route, method, status, ms) {
      requests.inc({ route, method, status: String(status) })
      durations.observe({ route }, ms / 1000)
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
