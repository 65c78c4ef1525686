import { readFile } from 'node:fs/promises'

/** What PyTorch's loaders and NCCL need; some machines' default is 1024. */
export const openFilesWanted = 65_536

const enginePidFiles = ['/run/docker.pid', '/var/run/docker.pid']
/** The bit of CAP_SYS_RESOURCE in a process's capabilities (capabilities(7)). */
const sysResource = 1n << 24n

/**
 * How many files a container may have open: 65 536, or less where the engine itself may open fewer and
 * lacks the capability to raise a limit, as in a nested machine. It would refuse to start the container
 * then.
 */
export async function openFilesAllowed(): Promise<number> {
  for (const file of enginePidFiles) {
    const pid = await readFile(file, 'utf8').catch(() => null)
    if (pid === null) continue
    const process = `/proc/${Number.parseInt(pid, 10)}`
    const [status, limits] = await Promise.all([
      readOrNothing(`${process}/status`),
      readOrNothing(`${process}/limits`),
    ])
    return allowedBy(status, limits)
  }
  return openFilesWanted
}

/** The same from the texts of the engine's /proc/…/status and /proc/…/limits. */
export function allowedBy(status: string, limits: string): number {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1]
  const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(limits)?.[1]
  if (effective === undefined || hard === undefined) return openFilesWanted
  if ((BigInt(`0x${effective}`) & sysResource) !== 0n) return openFilesWanted
  return Math.min(Number(hard), openFilesWanted)
}

async function readOrNothing(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => '')
}
