import { z } from 'zod'
import { contract, type RouteName, routes, type Shape } from './contract.ts'
import { image, offers } from './images.ts'
import { historyEvent, instance } from './instances.ts'
import { balance, bill, statement } from './money.ts'
import { notice } from './notices.ts'
import { doctor, platform } from './operator.ts'
import { apiKey, me, organization, project, sshKey } from './people.ts'
import { payment, promoCode, redemption } from './payments.ts'
import { listedPriceBook, priceBook } from './prices.ts'
import { problem } from './problem.ts'
import { run } from './runs.ts'
import { delivery, webhook } from './webhooks.ts'
import { volume } from './volumes.ts'

type JsonObject = { [name: string]: unknown }

/** What gets a name of its own in the document; everything else is written where it is used. */
const components = {
  Me: me,
  Platform: platform,
  Organization: organization,
  Project: project,
  SshKey: sshKey,
  ApiKey: apiKey,
  Image: image,
  Offers: offers,
  Instance: instance,
  HistoryEvent: historyEvent,
  Run: run,
  Volume: volume,
  Balance: balance,
  Statement: statement,
  PriceBook: priceBook,
  ListedPriceBook: listedPriceBook,
  Bill: bill,
  Payment: payment,
  PromoCode: promoCode,
  Redemption: redemption,
  Notice: notice,
  Webhook: webhook,
  Delivery: delivery,
  Doctor: doctor,
  Problem: problem,
}

function writer() {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(components)) registry.add(schema, { id })
  const schemas: JsonObject = {}
  const write = (schema: z.ZodType, io: 'input' | 'output'): unknown => {
    const { $defs, $schema: _, ...rest } = z.toJSONSchema(schema, { io, metadata: registry })
    for (const [id, definition] of Object.entries($defs ?? {})) schemas[id] = withReferences(definition)
    return withReferences(rest)
  }
  for (const schema of Object.values(components)) write(z.array(schema), 'output')
  return { schemas, write }
}

function withReferences(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withReferences)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      // zod writes the component's name as a keyword; a property called "id" is a schema, not a string.
      .filter(([key, one]) => key !== 'id' || typeof one !== 'string')
      .map(([key, one]) => [
        key,
        key === '$ref' && typeof one === 'string'
          ? one.replace('#/$defs/', '#/components/schemas/')
          : withReferences(one),
      ]),
  )
}

function parametersOf(name: RouteName, shape: Shape, write: ReturnType<typeof writer>['write']): unknown[] {
  const inPath = [...routes[name].path.matchAll(/\{(\w+)\}/g)].map(([, key]) => ({
    name: key,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  if (!(shape.query instanceof z.ZodObject)) return inPath
  const inQuery = Object.entries(shape.query.shape).map(([key, schema]) => ({
    name: key,
    in: 'query',
    required: false,
    schema: write(schema, 'input'),
  }))
  return [...inPath, ...inQuery]
}

function answerOf(name: RouteName, shape: Shape, write: ReturnType<typeof writer>['write']): JsonObject {
  if (routes[name].kind === 'stream') {
    const events = Object.entries(shape.events ?? {}).map(([event, schema]) => [
      event,
      write(schema, 'output'),
    ])
    return {
      description: 'Server-sent events by name; resumable by Last-Event-ID.',
      content: {
        'text/event-stream': { schema: { type: 'string' }, 'x-events': Object.fromEntries(events) },
      },
    }
  }
  if (shape.files) {
    const file = { schema: { type: 'string', format: 'binary' } }
    return {
      description: 'A file, sent as it is read; torn off where it cannot be finished.',
      content: Object.fromEntries(shape.files.map((mediaType) => [mediaType, file])),
    }
  }
  return {
    description: 'As asked.',
    content: { 'application/json': { schema: shape.reply && write(shape.reply, 'output') } },
  }
}

function operationOf(name: RouteName, write: ReturnType<typeof writer>['write']): JsonObject {
  const shape: Shape = contract[name]
  const answer = answerOf(name, shape, write)
  return {
    operationId: name,
    summary: shape.summary,
    parameters: parametersOf(name, shape, write),
    ...(shape.body && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: write(shape.body, 'input') } },
      },
    }),
    responses: {
      '200': shape.creates ? { ...answer, description: 'It was made before, by the same request.' } : answer,
      ...(shape.creates && { '201': { ...answer, description: 'Made.' } }),
      default: {
        description: 'Why not: problem details (RFC 9457).',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  }
}

/** The OpenAPI 3.1 document of the whole contract. */
export function openapi(): JsonObject {
  const { schemas, write } = writer()
  const paths: { [path: string]: JsonObject } = {}
  // Object.keys forgets that the keys of `routes` are its names.
  for (const name of Object.keys(routes) as RouteName[]) {
    const route = routes[name]
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(name, write) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'gpuhour', version: '1', summary: 'GPU compute by the second, with a bill to recompute.' },
    security: [{ apiKey: [] }, { session: [] }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: 'A gph_… secret.' },
        session: { type: 'apiKey', in: 'cookie', name: '__Host-gpuhour', description: 'A browser session.' },
      },
    },
  }
}

/** As it stands in `sdk/openapi.json`. */
export function openapiText(): string {
  return `${JSON.stringify(openapi(), null, 2)}\n`
}

// `node sdk/src/contract/openapi.ts > sdk/openapi.json` rewrites the golden file.
if (import.meta.main) process.stdout.write(openapiText())
