import { AppError } from '../kernel/errors.ts'
import type { Instant } from '../kernel/time.ts'

/** The name of an object: words of letters, digits, ".", "_" and "-", joined by "/". */
export type ObjectKey = string & { readonly __form: 'object key' }

/** What is known of an object. */
export interface ObjectStat {
  readonly key: ObjectKey
  readonly sizeBytes: number
  /** Lower-case hex, of the bytes as they lie there now. */
  readonly sha256: string
  readonly storedAt: Instant
}

/** A page of objects, in byte order of key; `next` is null on the last one. */
export interface ObjectPage {
  readonly items: readonly ObjectStat[]
  readonly next: ObjectKey | null
}

/** Named bytes: invoices as issued, open bills, finished logs. Write once. */
export interface ObjectStore {
  /** Refuses to overwrite: the same key and digest is success, the same key and other bytes `conflict`. */
  put(key: ObjectKey, bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<ObjectStat>
  /** The bytes; null where there is no such object. */
  get(key: ObjectKey, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | null>
  stat(key: ObjectKey, signal: AbortSignal): Promise<ObjectStat | null>
  /** Objects whose key begins with the prefix, after the key where one is given. */
  list(
    prefix: string,
    page: { readonly after?: ObjectKey | undefined; readonly limit: number },
    signal: AbortSignal,
  ): Promise<ObjectPage>
  /** Absent is success. */
  remove(key: ObjectKey, signal: AbortSignal): Promise<void>
}

/** Thrown by object stores, and nothing else is. */
export class ObjectError extends AppError<'conflict' | 'unavailable'> {}

const wordPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

/** A key of these words; throws where one of them could be anything but a plain name. */
export function objectKey(...words: readonly string[]): ObjectKey {
  for (const word of words)
    if (!wordPattern.test(word))
      throw new TypeError(`"${word.slice(0, 80)}" cannot be a word of an object's key`)
  // The form of each word was just checked.
  return words.join('/') as ObjectKey
}

/** Bytes that are there already, as a store takes them. */
export async function* bytesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes
}
