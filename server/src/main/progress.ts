import type { WriteStream } from 'node:tty'

/** What `main` writes on: plain lines, and one changing line at the end where a terminal can show it. */
export interface Printer {
  line(text: string): void
  /**
   * How far something long is. On a terminal the line changes in place; elsewhere each new text of a key
   * becomes a line, at most one in five seconds.
   */
  progress(key: string, text: string): void
  /** That thing is over; `text` stays as a line. */
  done(key: string, text?: string): void
}

/** Without a terminal a line every five seconds is enough to see that something moves. */
const plainMs = 5_000

type Output = Pick<WriteStream, 'write'> & { readonly isTTY?: boolean; readonly columns?: number }

/** A printer on the output. */
export function createPrinter(output: Output, nowMs: () => number = () => performance.now()): Printer {
  const current = new Map<string, { text: string; printedAt: number }>()
  let isShown = false
  const erase = (): void => {
    if (isShown) output.write('\r\x1b[K')
    isShown = false
  }
  const redraw = (): void => {
    if (!output.isTTY || current.size === 0) return
    const text = [...current.values()].map((one) => one.text).join(' · ')
    output.write(`\r\x1b[K${text.slice(0, Math.max(10, (output.columns ?? 80) - 1))}`)
    isShown = true
  }
  const line = (text: string): void => {
    erase()
    output.write(`${text}\n`)
    redraw()
  }
  return {
    line,
    progress(key, text) {
      const before = current.get(key)
      if (before?.text === text) return
      const isDue = !output.isTTY && (!before || nowMs() - before.printedAt >= plainMs)
      current.set(key, { text, printedAt: isDue || !before ? nowMs() : before.printedAt })
      if (isDue) output.write(`${text}\n`)
      redraw()
    },
    done(key, text) {
      current.delete(key)
      erase()
      if (text !== undefined) output.write(`${text}\n`)
      redraw()
    },
  }
}
