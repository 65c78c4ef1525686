/** The signals whose exit codes mean them, by number: what a shell or `tini` reports as 128 + n. */
const names = new Map([
  [1, 'HUP'],
  [2, 'INT'],
  [3, 'QUIT'],
  [4, 'ILL'],
  [6, 'ABRT'],
  [7, 'BUS'],
  [8, 'FPE'],
  [9, 'KILL'],
  [11, 'SEGV'],
  [13, 'PIPE'],
  [15, 'TERM'],
])

/** The signal an exit code stands for. A kill for want of memory is not one: `outOfMemory` says it. */
export function signalOf(exitCode: number, outOfMemory: boolean): string | null {
  const name = names.get(exitCode - 128) ?? null
  return outOfMemory && name === 'KILL' ? null : name
}
