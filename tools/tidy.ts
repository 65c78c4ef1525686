import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow, lineAt, readSource, root, type Source } from './sources.ts'

// The rules of ARCHITECTURE.md as functions from sources to sentences. `tidy.test.ts` runs them over the
// checkout.

/** One violation: where, and why it matters. */
export type Finding = string

/** A rule of the house. */
export type Rule = (sources: readonly Source[]) => readonly Finding[]

/** The rooms in their one line: each may import only those to its left. */
export const rooms: readonly string[] = [
  ...['tenancy', 'notices', 'journal', 'metering', 'catalog', 'pricing', 'ledger', 'placement'],
  ...['storage', 'compute', 'jobs', 'telemetry', 'billing'],
]
const edges: readonly string[] = ['api', 'gateway', 'loops']
const ports: readonly string[] = [
  'server/src/runtime/driver.ts',
  'server/src/runtime/builder.ts',
  'server/src/runtime/volumes.ts',
  'server/src/objects/objects.ts',
  'server/src/identity/identity.ts',
  'server/src/payments/payments.ts',
]

const server = 'server/src/'

/** The folder below server/src that a path stands in; '' for others. */
function folderOf(path: string): string {
  return path.startsWith(server) ? (path.slice(server.length).split('/')[0] ?? '') : ''
}

function roomOf(path: string): string | null {
  const folder = folderOf(path)
  return rooms.includes(folder) ? folder : null
}

function isRules(path: string): boolean {
  return /(^|\/|\.)rules\.ts$/.test(path)
}

function isRows(path: string): boolean {
  return /(^|\/|\.)rows\.ts$/.test(path)
}

/**
 * An implementation behind a port. What lies beside a runtime's port and is no port belongs to all of its
 * drivers.
 */
function driverOf(path: string): string | null {
  const match = /^server\/src\/(?:runtime\/(?:docker|kubernetes|simulated)|objects|identity|payments)\//.exec(
    path,
  )
  return match && !ports.includes(path) ? match[0] : null
}

function code(sources: readonly Source[]): readonly Source[] {
  return sources.filter(({ isTest }) => !isTest)
}

/** A sentence for each import that `isWrong` finds. */
function imports(
  sources: readonly Source[],
  isWrong: (path: string, specifier: string, source: Source) => string | null | false,
): readonly Finding[] {
  return sources.flatMap((source) =>
    source.imports.flatMap(({ path, specifier, line }) => {
      const why = isWrong(path ?? '', specifier, source)
      return why ? [`${source.path}:${line} imports ${path ?? specifier}: ${why}`] : []
    }),
  )
}

/** One pattern for all of them. */
function anyOf(...patterns: readonly RegExp[]): RegExp {
  return new RegExp(patterns.map(({ source }) => source).join('|'), 'gi')
}

/** Rule 1. */
export const kernelStandsAlone: Rule = (sources) =>
  imports(
    code(sources).filter(({ path }) => folderOf(path) === 'kernel'),
    (path) =>
      path !== '' &&
      folderOf(path) !== 'kernel' &&
      'the kernel holds values with no opinion, everything stands on it',
  )

function whyNotFromRoom(room: string, source: Source, path: string, specifier: string): string | null {
  const own = path.startsWith(`${server}${room}/`)
  const other = roomOf(path)
  if (specifier.startsWith('@gpuhour/')) return 'rooms know nothing of the wire; the api translates'
  if (path === '') return null
  if (driverOf(path)) return 'a room never imports a driver: it speaks to the port'
  if (isRules(source.path)) {
    if (folderOf(path) === 'kernel' || (isRules(path) && (own || other))) return orderOf(room, other)
    return 'rules are pure decisions: they know the kernel and other rules, no rows, no store, no door'
  }
  if (isRows(source.path) && own && !isRules(path) && !isRows(path))
    return 'rows know their own rules, not the door above them'
  if (isRows(source.path) && other && !own && !isRules(path))
    return "rows hold this room's SQL; another room is asked at its door"
  if (own || ['kernel', 'store'].includes(folderOf(path)) || ports.includes(path)) return null
  if (!other) return 'a room knows the rooms to its left, the ports, the store and the kernel'
  if (isRows(path)) return "another room's rows are its own business: use its front door"
  return orderOf(room, other)
}

function orderOf(room: string, other: string | null): string | null {
  if (!other || rooms.indexOf(other) <= rooms.indexOf(room)) return null
  return `rooms import only leftward (${other} stands right of ${room}), so no cycle can exist`
}

/** Rule 2. */
export const roomsLookLeft: Rule = (sources) =>
  imports(
    code(sources).filter(({ path }) => roomOf(path) !== null),
    (path, specifier, source) => whyNotFromRoom(folderOf(source.path), source, path, specifier),
  )

/** Rule 2, its other half: what `rules.ts` may hold. */
export const rulesArePure: Rule = (sources) =>
  find(
    code(sources).filter(({ path }) => roomOf(path) !== null && isRules(path)),
    /\basync\b|\bawait\b|\bPromise\b/g,
    'rules decide at once from what they are given: no clock, no database, no promise',
  )

/** Every match in code, with comments and strings blanked (or strings kept). */
function find(
  sources: readonly Source[],
  pattern: RegExp,
  why: string,
  form: 'code' | 'withStrings' = 'code',
): readonly Finding[] {
  return sources.flatMap((source) =>
    [...source[form].matchAll(pattern)].map(
      (match) =>
        `${source.path}:${lineAt(source[form], match.index)} "${match[0].trim().slice(0, 40)}": ${why}`,
    ),
  )
}

const sqlPattern = anyOf(
  /\bsql(?:<[^`]*?>)?`/,
  /\.(?:selectFrom|insertInto|updateTable|deleteFrom|mergeInto)\(/,
  /['"`]\s*(?:select\s[^'"`]*\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s)/,
  /['"`]\s*(?:create|alter|drop)\s+(?:table|database|schema|index)\s/,
)

/** Rule 3. */
export const sqlStaysInRows: Rule = (sources) =>
  find(
    code(sources).filter(
      ({ path }) => path.startsWith(server) && !isRows(path) && folderOf(path) !== 'store',
    ),
    sqlPattern,
    'SQL stands only in rows.ts, store/ and migrations/, where a reader looks for it',
    'withStrings',
  )

const worldPattern = anyOf(
  /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b/,
  /\bMath\.random\b|\brandomUUID\b/,
  /\bsetTimeout\b|\bsetInterval\b|\bprocess\.env\b/,
)
const importedTimers = /['"](?:node:)?timers(?:\/promises)?['"]/g
const sqlTime = anyOf(
  /(?<![.\w])now\(\)(?!\s*[:{])|'now'\s*::|timestamptz\s+'now'/,
  /\b(?:clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\(/,
  /\b(?:current_timestamp|current_date|current_time|localtimestamp|localtime)\b/,
)

function mayAskTheWorld(path: string): boolean {
  const allowed = ['kernel/clock.ts', 'kernel/ids.ts', 'store/clock.ts'].map((name) => server + name)
  return allowed.includes(path) || folderOf(path) === 'main'
}

/** Rule 4. */
export const worldIsAskedInOnePlace: Rule = (sources) => {
  const why =
    'time, waiting, randomness and environment come through Clock, Ids and Config: they can be simulated'
  const asking = code(sources).filter(({ path }) => path.startsWith(server) && !mayAskTheWorld(path))
  const migrations = filesBelow('server/migrations', /\.sql$/).map((path) => {
    const text = readFileSync(join(root, path), 'utf8').replace(/--.*$/gm, '')
    return { ...readSource(path, ''), code: text, withStrings: text }
  })
  return [
    ...find(asking, worldPattern, why),
    ...find(asking, importedTimers, why, 'withStrings'),
    ...find(asking, sqlTime, why, 'withStrings'),
    ...find(migrations, sqlTime, why, 'withStrings'),
  ]
}

function whyNotFromDriver(source: Source, path: string, specifier: string): string | null {
  const own = driverOf(source.path) ?? ''
  const isIdentity = folderOf(source.path) === 'identity'
  if (specifier.startsWith('@gpuhour/')) return 'a driver knows its port, the kernel and its vendor'
  if (path === '' || path.startsWith(own) || ports.includes(path) || folderOf(path) === 'kernel') return null
  // What lies beside the port, and knows no more than it, is shared by all drivers of the runtime.
  if (/^server\/src\/runtime\/\w+\.ts$/.test(path)) return null
  if (isIdentity && (folderOf(path) === 'store' || (roomOf(path) === 'tenancy' && !isRows(path)))) return null
  return 'a driver knows its port, the kernel and its vendor: it can be exchanged without touching a room'
}

/** Rule 5. */
export const driversKnowTheirPort: Rule = (sources) => [
  ...imports(
    code(sources).filter(({ path }) => driverOf(path) !== null),
    (path, specifier, source) => whyNotFromDriver(source, path, specifier),
  ),
  ...imports(
    code(sources).filter(({ path }) => ports.includes(path) || /^server\/src\/runtime\/\w+\.ts$/.test(path)),
    (path, _, source) =>
      path !== '' &&
      !ports.includes(path) &&
      !['kernel', 'store', folderOf(source.path) === 'identity' ? 'tenancy' : ''].includes(folderOf(path)) &&
      !/^server\/src\/runtime\/\w+\.ts$/.test(path) &&
      'a port knows the kernel, and the type of a transaction',
  ),
  ...imports(
    code(sources).filter(({ path }) => path.startsWith('sdk/src/verifier/')),
    (path, specifier) =>
      path === ''
        ? !specifier.startsWith('node:') && 'who checks a bill must not have to trust our libraries'
        : !path.startsWith('sdk/src/verifier/') && 'who checks a bill must not share code with who made it',
  ),
  ...imports(
    code(sources).filter(({ path }) => path.startsWith('server/')),
    (path, specifier) =>
      (specifier === '@gpuhour/sdk/verifier' || path.startsWith('sdk/src/verifier/')) &&
      'one mistake in shared code would be made twice, and seen by nobody',
  ),
]

/** Rule 6. */
export const edgesMeetInRooms: Rule = (sources) =>
  imports(
    code(sources).filter(({ path }) => edges.includes(folderOf(path))),
    (path, _, source) => {
      if (path.startsWith('server/src/main/')) return 'main wires the edges; they do not know it'
      const other = folderOf(path)
      return (
        edges.includes(other) &&
        other !== folderOf(source.path) &&
        'edges never import each other: they meet in rooms'
      )
    },
  )

/** Rule 7. */
export const consoleAndCliAreClients: Rule = (sources) =>
  imports(
    sources.filter(({ path }) => /^(?:console|cli)\//.test(path)),
    (path, specifier, source) => {
      const own = source.path.split('/')[0] ?? ''
      if (path !== '')
        return (
          !path.startsWith(`${own}/`) && 'what the console and the CLI can do, an API key can do: only sdk'
        )
      if (/^@gpuhour\/(?!sdk\/)/.test(specifier))
        return 'console and CLI are clients like any other: only sdk'
      return null
    },
  )

const reExport = /\bexport\s+(?:type\s+)?(?:\*|\{[^}]*\}\s*from\s*)/g

// A front door may show a row or a rule of its own room as it is; a file that does nothing else is a barrel.
function isBarrel({ code, withStrings }: Source): boolean {
  const passed = [...withStrings.matchAll(/\bexport\s+(?:type\s+)?\{[^}]*\}\s*from\s*['"]([^'"]+)/g)]
  const declaresNothing = !/^(?:export )?(?:async |abstract )?(?:function|const|class|interface|type) /m.test(
    code,
  )
  return passed.some(([, from]) => !from?.startsWith('./')) || (passed.length > 0 && declaresNothing)
}

/** Rule 8. */
export const everyNameHasOneHome: Rule = (sources) => [
  ...find(
    sources.filter(({ path }) => !path.endsWith('vite.config.ts')),
    /\bexport\s+default\b/g,
    'a default export has another name in each file that imports it',
  ),
  ...find(sources, /\bexport\s+\*/g, 'a file that passes everything on hides where it lives'),
  ...find(
    sources.filter(isBarrel),
    reExport,
    'a file that passes names on hides where they live: import from their home',
  ),
  ...sources
    .filter(({ path }) => /(^|\/)index\.tsx?$/.test(path))
    .map(({ path }) => `${path}: an index file says nothing of what it holds`),
]

const statePattern = (table: string): RegExp =>
  new RegExp(
    [
      `update\\s+${table}\\b[^\`]*?\\bset\\b[^\`]*?\\bstate\\s*=`,
      `updateTable\\('${table}[^']*'\\)\\s*\\.set\\(\\{?[^}]*\\bstate\\b`,
    ].join('|'),
    'gi',
  )

/** Rule 9. */
export const statesChangeInOnePlace: Rule = (sources) =>
  ['instance', 'job_run', 'invoice'].flatMap((table) => {
    const where = code(sources).flatMap((source) =>
      [...source.withStrings.matchAll(statePattern(table))].map(
        (match) => `${source.path}:${lineAt(source.withStrings, match.index)}`,
      ),
    )
    const why = 'a state that two functions assign has no table of its transitions'
    return where.length > 1 ? [`${table}.state is assigned at ${where.join(', ')}: ${why}`] : []
  })

/** Tables that a program wrote and a person only compares. */
function isGolden(path: string): boolean {
  return path.includes('.golden.')
}

/** A case of a plain-text table is one line, however much it says (house.md §8). */
function isTableRow(path: string, line: string): boolean {
  return path.endsWith('.test.ts') && line.includes(' | ')
}

/** Rule 10, its lines; the length of functions is oxlint's to measure. */
export const pagesAreReadable: Rule = (sources) => [
  ...sources
    .filter(({ path, lines }) => lines.length > 501 && !isGolden(path))
    .map(({ path, lines }) => `${path} has ${lines.length - 1} lines: above 500 nobody reads a file whole`),
  ...sources
    .filter(({ path }) => !isGolden(path))
    .flatMap(({ path, lines }) =>
      lines.flatMap((line, index) =>
        line.length > 110 && !isTableRow(path, line)
          ? [`${path}:${index + 1} has ${line.length} columns: two files stand side by side at 110`]
          : [],
      ),
    ),
]

const headings = ['Owns', 'Does not own', 'Words', 'Invariants']

function undocumented(source: Source, exported: RegExp): readonly Finding[] {
  return source.lines.flatMap((line, index) => {
    const name = exported.exec(line)?.[1]
    const before = source.lines[index - 1] ?? ''
    // An overload's first line carries the comment for all.
    if (!name || /\*\/\s*$/.test(before) || new RegExp(`^export .*\\b${name}\\(`).test(before)) return []
    return [
      `${source.path}:${index + 1} ${name} has no doc comment: a door says what it does and what it refuses`,
    ]
  })
}

/** Rule 11. */
export const doorsAreDescribed: Rule = (sources) => {
  const anything =
    /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|const|interface|type|class) (\w+)/
  const types = /^export (?:interface|type|class) (\w+)/
  const inRoom = code(sources).filter(({ path }) => roomOf(path) !== null)
  const inside = ['kernel', 'store', 'identity', 'objects', 'payments', 'main']
  const readmes = [...rooms, ...edges, ...inside].flatMap((room) => {
    if (filesBelow(server + room, /\.ts$/).length === 0) return []
    const path = `${server}${room}/README.md`
    if (!existsSync(join(root, path))) return [`${path} is missing: a newcomer asks what the room owns`]
    const text = readFileSync(join(root, path), 'utf8')
    const missing = headings.filter((heading) => !text.includes(`**${heading}.**`))
    return missing.length > 0 ? [`${path} lacks ${missing.map((one) => `**${one}.**`).join(', ')}`] : []
  })
  return [
    ...readmes,
    ...inRoom
      .filter(({ path }) => !isRules(path) && !isRows(path))
      .flatMap((one) => undocumented(one, anything)),
    ...inRoom.filter(({ path }) => isRules(path)).flatMap((one) => undocumented(one, types)),
    ...code(sources)
      .filter(({ path }) => ports.includes(path))
      .flatMap((one) => undocumented(one, anything)),
  ]
}

const comment = /\/\/|\*\/|\{\/\*/

/**
 * Style: a cast or `!` overrules the checker; whoever reads it must learn why it holds, within three lines
 * above.
 */
export const castsSayWhy: Rule = (sources) =>
  sources.flatMap((source) => {
    const casts =
      /(?<!\bimport\s+\*\s+)(?<!\*\s)\bas\s+(?!const\b)(?=[\w{('"[])|[\w)\]]!(?=[.[;,)\s])(?!\s*=)/g
    return [...source.code.matchAll(casts)].flatMap((match) => {
      const line = lineAt(source.code, match.index)
      const near = source.lines.slice(Math.max(0, line - 4), line)
      const isRename = /^\s*(?:(?:import|export)\b.*\{|(?:type )?\w+ as \w+,?$)/.test(
        source.lines[line - 1] ?? '',
      )
      if (isRename || near.some((one) => comment.test(one))) return []
      return [`${source.path}:${line} "${match[0].trim()}" has no comment that says why it holds`]
    })
  })

/** Style: what type stripping cannot carry. */
export const syntaxCanBeErased: Rule = (sources) =>
  find(
    sources,
    /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s+\w+/gm,
    'a union of strings says the same and is erased',
  )
