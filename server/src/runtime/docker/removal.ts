import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Removes a folder that this process has no right to. */
export type RemoveAsRoot = (folder: string, signal: AbortSignal) => Promise<void>

/**
 * Removes a folder that a tenant wrote; absent is success. It can nest folders deeper than a path is long,
 * which `rm` can undo and Node cannot. Where we may not, `asRoot` does it, if there is one.
 */
export async function removeFolder(
  folder: string,
  asRoot: RemoveAsRoot | null,
  signal: AbortSignal,
): Promise<void> {
  try {
    await promisify(execFile)('rm', ['-rf', '--one-file-system', '--', folder], { signal })
  } catch (error) {
    signal.throwIfAborted()
    if (!asRoot) throw error
    await asRoot(folder, signal)
  }
}
