import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joinPieces, matching, plainText, shownLinesMax } from './log_search.ts'

test('colours are left out, and of what was overwritten the last words stay', () => {
  assert.equal(plainText('\u001b[32mepoch 1\u001b[0m\n'), 'epoch 1')
  assert.equal(plainText(' 10%\r 50%\r100%\n'), '100%')
  assert.equal(plainText('done\r\n'), 'done')
})

test('pieces of one line are joined, each once', () => {
  const first = joinPieces([], [{ n: 1, stream: 'stdout', text: 'half' }])
  const lines = joinPieces(first, [
    { n: 2, stream: 'stdout', text: ' a line\n' },
    { n: 3, stream: 'stderr', text: 'oh\n' },
  ])
  assert.deepEqual(
    lines.map(({ n, text }) => [n, text]),
    [
      [1, 'half a line\n'],
      [3, 'oh\n'],
    ],
  )
  assert.equal(matching(lines, 'OH').length, 1)
  assert.equal(matching(lines, ' ').length, 2)
})

test('a very long log is shown from its end', () => {
  const pieces = Array.from({ length: shownLinesMax + 7 }, (_, index) => ({
    n: index + 1,
    stream: 'stdout' as const,
    text: `${index}\n`,
  }))
  const lines = joinPieces([], pieces)
  assert.equal(lines.length, shownLinesMax)
  assert.equal(lines[0]?.n, 8)
})
