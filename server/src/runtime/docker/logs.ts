import type { AllocationId } from '../../kernel/ids.ts'
import { DriverError, type LogCursor, type LogLine } from '../driver.ts'
import { driverErrorOf, type Engine, statusOf } from './engine.ts'
import { containerName, labels } from './profile.ts'

/*
 * How a log is read exactly once.
 *
 * The engine numbers nothing. It gives every record (a line, or a piece of a line longer than 16 KiB) the
 * time at which it read it, in nanoseconds; the pieces of one line share the time of the first. Within one
 * stream times never go back and equal ones stand together; between the two streams a long line's later
 * pieces may carry an older time than what stands before them. So a place in the log is named by the last
 * record's stream, and for each stream by the last record's time and its number among the records of that
 * stream with that time.
 *
 * To go on from a place, we ask for the last few records (`tail`, which the engine finds backwards from the
 * end and therefore cheaply), and look for the place in that window. Is it not in there, the window grows
 * eightfold: so what is read is in proportion to what is new, never to what there is. `since` would read
 * everything from the start each time, and a followed stream skips records when the engine rotates its
 * files.
 */

interface LogRecord {
  readonly stream: 'stdout' | 'stderr'
  /** RFC 3339 with nine decimals, in UTC: text order is time order. */
  readonly time: string
  readonly bytes: Buffer
}

type Stream = LogRecord['stream']

/** How far one stream was read. */
interface Mark {
  /** The last record's time; empty where none was read. */
  readonly time: string
  /** How many records with that time were read. */
  readonly nth: number
  /**
   * Had the last record no line end? Then the line goes on, or it is a long one whose end the engine lost.
   */
  readonly isOpen: boolean
  /** The bytes of a character that was cut in two at the end of the last piece. */
  readonly pending: Buffer
}

interface Place {
  /** The stream of the last record. */
  readonly stream: Stream
  readonly marks: Readonly<Record<Stream, Mark>>
}

const unread: Mark = { time: '', nth: 0, isOpen: false, pending: Buffer.alloc(0) }

/** Reads a cursor; null at the beginning. */
function parseCursor(cursor: LogCursor): Place | null {
  if (cursor === 'start') return null
  const mark = String.raw`((?:[\d-]+T[\d:.]+Z)?),(\d+)([wp]),([0-9a-f]*)`
  const match = new RegExp(`^([oe])/${mark}/${mark}$`).exec(cursor)
  if (!match)
    throw new DriverError(
      'log_gone',
      'never',
      `"${cursor.slice(0, 80)}" is no place in a log of this driver.`,
    )
  const markAt = (index: number): Mark => ({
    time: match[index] ?? '',
    nth: Number(match[index + 1]),
    isOpen: match[index + 2] === 'p',
    pending: Buffer.from(match[index + 3] ?? '', 'hex'),
  })
  return { stream: match[1] === 'o' ? 'stdout' : 'stderr', marks: { stdout: markAt(2), stderr: markAt(6) } }
}

/** Writes a place as a cursor. */
function formatCursor({ stream, marks }: Place): LogCursor {
  const text = ({ time, nth, isOpen, pending }: Mark) =>
    `${time},${nth}${isOpen ? 'p' : 'w'},${pending.toString('hex')}`
  return `${stream === 'stdout' ? 'o' : 'e'}/${text(marks.stdout)}/${text(marks.stderr)}`
}

/** How many records more than the known ones are asked for first, and by how much the window then grows. */
const firstWindow = 64
const growth = 8
/** A window larger than this is the whole log. */
const largestWindow = 1_000_000

/** The output of an allocation after `from`, to its present end. */
export async function* readLogs(
  engine: Engine,
  installation: string,
  id: AllocationId,
  from: LogCursor,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const place = parseCursor(from)
  try {
    await requireOurs(engine, installation, id, signal)
    const lines = new Lines(place)
    for await (const record of recordsAfter(engine, id, place, signal)) yield lines.next(record)
  } catch (error) {
    signal.throwIfAborted()
    if (statusOf(error) === 404) throw gone(id)
    throw driverErrorOf(error)
  }
}

async function requireOurs(
  engine: Engine,
  installation: string,
  id: AllocationId,
  signal: AbortSignal,
): Promise<void> {
  const container = engine.docker.getContainer(containerName(id))
  const found = await engine.ask(signal, (abortSignal) => container.inspect({ abortSignal }))
  if (found.Config.Labels[labels.platform] !== installation) throw gone(id)
}

async function* recordsAfter(
  engine: Engine,
  id: AllocationId,
  place: Place | null,
  signal: AbortSignal,
): AsyncGenerator<LogRecord> {
  if (!place) {
    yield* records(engine, id, null, signal)
    return
  }
  const { time, nth } = place.marks[place.stream]
  for (let window = nth + firstWindow; ; window *= growth) {
    const tail = window > largestWindow ? null : window
    const search = new Search(place, tail === null)
    for await (const record of records(engine, id, tail, signal)) {
      const verdict = search.look(record)
      if (verdict === 'new') yield record
      if (verdict === 'window too small') break
    }
    if (search.isFound) return
    if (tail === null) break
  }
  // The place itself was rotated away, and with it what nobody had read: what is left of later times goes on.
  for await (const record of records(engine, id, null, signal)) if (record.time > time) yield record
}

/** Looks for a place in a window of the log's end, record by record. */
class Search {
  readonly #place: Place
  readonly #isWholeLog: boolean
  #isFirst = true
  /** Was something older than the place seen, so that the place's own time begins inside the window? */
  #coversTime: boolean
  #nth = 0
  isFound = false

  constructor(place: Place, isWholeLog: boolean) {
    this.#place = place
    this.#isWholeLog = isWholeLog
    this.#coversTime = isWholeLog
  }

  look(record: LogRecord): 'new' | 'read' | 'window too small' {
    if (this.isFound) return 'new'
    const { stream, marks } = this.#place
    const { time, nth, isOpen } = marks[stream]
    const isWhole = nth === 1 && !isOpen
    const isSameStream = record.stream === stream
    // A whole line's time is when it was logged, so anything older in front proves that the window reaches
    // back far enough; between the pieces of long lines only the same stream proves it.
    if (record.time < time && (isSameStream || (isWhole && this.#isFirst))) this.#coversTime = true
    this.#isFirst = false
    if (!isSameStream || record.time < time) return 'read'
    if (!this.#coversTime) return 'window too small'
    if (record.time > time) return this.#isWholeLog ? 'read' : 'window too small'
    this.#nth += 1
    if (this.#nth === nth) this.isFound = true
    return 'read'
  }
}

/** Turns records into lines with cursors and whole characters. */
class Lines {
  #marks: Record<Stream, Mark>

  constructor(place: Place | null) {
    this.#marks = { ...(place?.marks ?? { stdout: unread, stderr: unread }) }
  }

  next({ stream, time, bytes: given }: LogRecord): LogLine {
    const last = this.#marks[stream]
    const isSameTime = last.time === time
    // Engine 20.10 keeps no line end of a line that came in pieces. What follows with another time is
    // another line.
    const lostEnd = last.isOpen && !isSameTime ? [Buffer.of(newline)] : []
    const bytes = Buffer.concat([last.pending, ...lostEnd, given])
    const isOpen = bytes.at(-1) !== newline
    const end = isOpen ? wholeCharacters(bytes) : bytes.length
    this.#marks[stream] = { time, nth: isSameTime ? last.nth + 1 : 1, isOpen, pending: bytes.subarray(end) }
    return {
      cursor: formatCursor({ stream, marks: this.#marks }),
      stream,
      text: bytes.toString('utf8', 0, end),
    }
  }
}

const newline = 0x0a

/** The length of the bytes without a UTF-8 character that is cut off at their end. */
export function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) return bytes.length
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return needed > back ? bytes.length - back : bytes.length
    }
  }
  return bytes.length
}

/**
 * The engine's frames: the stream in the first byte, the length in the last four of eight, then one record.
 */
async function* records(
  engine: Engine,
  id: AllocationId,
  tail: number | null,
  signal: AbortSignal,
): AsyncGenerator<LogRecord> {
  const query = { stdout: true, stderr: true, timestamps: true, follow: false, tail: tail ?? 'all' }
  const stream = await engine.open(signal, `/containers/${containerName(id)}/logs`, query)
  const held: Buffer[] = []
  let heldBytes = 0
  try {
    for await (const chunk of stream) {
      // A response without an encoding hands out buffers.
      held.push(chunk as Buffer)
      heldBytes += held.at(-1)?.length ?? 0
      // Joined only when a frame is complete: a frame may come in many chunks, a chunk may hold many frames.
      if (heldBytes < frameHeader) continue
      const bytes = held.length === 1 ? (held[0] ?? Buffer.alloc(0)) : Buffer.concat(held)
      const rest = yield* framesOf(bytes)
      held.splice(0, held.length, rest)
      heldBytes = rest.length
    }
  } finally {
    stream.destroy()
  }
}

const frameHeader = 8

/** The records of every complete frame; returns what is left. */
function* framesOf(bytes: Buffer): Generator<LogRecord, Buffer> {
  let at = 0
  while (bytes.length - at >= frameHeader) {
    const end = at + frameHeader + bytes.readUInt32BE(at + 4)
    if (end > bytes.length) break
    const stream = bytes[at] === 2 ? 'stderr' : 'stdout'
    const space = bytes.indexOf(0x20, at + frameHeader)
    const time = bytes.toString('latin1', at + frameHeader, space)
    yield { stream, time, bytes: bytes.subarray(space + 1, end) }
    at = end
  }
  return bytes.subarray(at)
}

function gone(id: AllocationId): DriverError {
  return new DriverError('log_gone', 'never', `The log of ${id} is gone with its container.`)
}
