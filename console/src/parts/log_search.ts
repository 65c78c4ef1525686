/** One line of a log as it is shown. */
export interface ShownLine {
  readonly n: number
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
}

/** A longer log is shown from its end: a browser must stay quick. `gpuhour logs` gives all of it. */
export const shownLinesMax = 5_000

// What a terminal would take as colour or movement; a page shows the words.
// oxlint-disable-next-line no-control-regex
const escapes = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g

/** A piece of output as a page can show it: without colours, and of what was overwritten the last words. */
export function plainText(text: string): string {
  const line = text.replace(escapes, '').replace(/\r?\n$/, '')
  return line.includes('\r') ? (line.split('\r').findLast((part) => part !== '') ?? '') : line
}

/** Pieces joined to lines: a very long line comes in several, of which only the last has a line end. */
export function joinPieces(
  lines: readonly ShownLine[],
  pieces: readonly { readonly n: number; readonly stream: 'stdout' | 'stderr'; readonly text: string }[],
): ShownLine[] {
  const joined = [...lines]
  for (const { n, stream, text } of pieces) {
    const last = joined.at(-1)
    const goesOn = last !== undefined && last.stream === stream && !last.text.endsWith('\n')
    if (goesOn) joined[joined.length - 1] = { ...last, text: last.text + text }
    else joined.push({ n, stream, text })
  }
  return joined.length > shownLinesMax ? joined.slice(-shownLinesMax) : joined
}

/** The lines that hold what is sought, whatever the case. */
export function matching(lines: readonly ShownLine[], sought: string): readonly ShownLine[] {
  const words = sought.trim().toLowerCase()
  return words === '' ? lines : lines.filter(({ text }) => plainText(text).toLowerCase().includes(words))
}
