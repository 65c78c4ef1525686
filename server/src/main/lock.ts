import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import koffi from 'koffi'
import { invariant } from '../kernel/errors.ts'

/** A lock of the kernel's: it ends with the process that holds it, however that ends. */
export interface FileLock {
  release(): void
}

// flock(2): the operations, and the error that says "somebody else has it".
const lockShared = 1
const lockExclusive = 2
const lockNoWait = 4
const wouldBlock = 11

const flock = koffi.load('libc.so.6').func('int flock(int, int)')

/**
 * Takes the lock on the file, which is made if need be and never removed; null when somebody else has it.
 * The holder of an exclusive one leaves its pid in it. Children do not inherit it.
 */
export function tryLock(path: string, kind: 'exclusive' | 'shared' = 'exclusive'): FileLock | null {
  const fd = openSync(path, 'a+', 0o600)
  const operation = (kind === 'exclusive' ? lockExclusive : lockShared) | lockNoWait
  if (flock(fd, operation) !== 0) {
    const errno = koffi.errno()
    closeSync(fd)
    invariant(errno === wouldBlock, `flock(${path}) failed`, { errno })
    return null
  }
  if (kind === 'exclusive') {
    ftruncateSync(fd)
    writeSync(fd, `${process.pid}\n`)
  }
  return { release: () => closeSync(fd) }
}

/** The pid that the last exclusive holder left in the file. */
export function holderOf(path: string): number | null {
  const pid = Number.parseInt(readFileSync(path, 'utf8'), 10)
  return Number.isNaN(pid) ? null : pid
}
