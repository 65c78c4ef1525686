import { open, rename, rm } from 'node:fs/promises'
import type { Download } from '@gpuhour/sdk/client'
import { UsageError } from './command.ts'
import { fileTrouble } from './failures.ts'

/** Writes a file beside its name, which it gets once it is whole: a part never looks like all of it. */
export async function keep({ chunks }: Download, file: string): Promise<number> {
  const draft = `${file}.part`
  const handle = await open(draft, 'w').catch((error: unknown) => {
    throw new UsageError(fileTrouble(error, file, 'written'))
  })
  let bytes = 0
  try {
    for await (const chunk of chunks) {
      await handle.write(chunk)
      bytes += chunk.byteLength
    }
    await handle.close()
    await rename(draft, file)
    return bytes
  } catch (error) {
    await handle.close().catch(() => {})
    await rm(draft, { force: true })
    throw error
  }
}
