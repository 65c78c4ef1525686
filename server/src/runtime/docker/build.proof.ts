import { z } from 'zod'
import { AppError } from '../../kernel/errors.ts'
import type { ProofRequest, ProofResult } from '../builder.ts'
import type { DockerClient } from './build.client.ts'

const line = z.object({
  name: z.string(),
  ok: z.boolean(),
  skipped: z.boolean(),
  durationMs: z.number(),
  detail: z.record(z.string(), z.unknown()),
})

/**
 * What a locked allocation has, except that the given folder is empty and writable: the proofs furnish it.
 */
const lockedProfile: readonly string[] = [
  ...['--rm', '--network=none', '--read-only', '--user=1000:1000', '--cap-drop=ALL'],
  ...['--security-opt=no-new-privileges', '--pids-limit=1024', '--ipc=private', '--shm-size=2g'],
  ...['--memory=6g', '--memory-swap=6g', '--workdir=/home/user'],
  ...['--tmpfs=/tmp:exec,mode=1777', '--tmpfs=/var/tmp:exec,mode=1777'],
  ...['--tmpfs=/home/user:exec,mode=0755,uid=1000,gid=1000'],
  ...['--tmpfs=/run/gpuhour:mode=0755,uid=1000,gid=1000'],
]

/** Runs the proofs that an image claims, in the image, and reads their lines. */
export async function prove(
  client: DockerClient,
  request: ProofRequest,
  installation: string,
  signal: AbortSignal,
): Promise<readonly ProofResult[]> {
  const gpus = request.gpus.length === 0 ? [] : ['--gpus', `"device=${request.gpus.join(',')}"`]
  const program = ['python3', '/opt/gpuhour/proofs/prove.py']
  const label = `--label=gpuhour.proof=${installation}`
  const args = ['run', ...lockedProfile, label, ...gpus, request.imageId, ...program]
  const { code, stdout, complaint } = await client.run({ args }, signal)
  const results = stdout.split('\n').flatMap((text) => resultOf(text))
  // 0: all hold; 1: one does not, and says so. Anything else, or silence, is no answer of the proofs.
  const isAnswer = code === 0 || (code === 1 && results.some(({ ok }) => !ok))
  if (isAnswer && results.length > 0) return results
  const last = complaint.trim().split('\n').at(-1) ?? ''
  throw new AppError(
    'unavailable',
    `The image's proofs did not run: exit ${code ?? 'by a signal'}. ${last}`,
    {
      image: request.imageId,
      log: complaint,
    },
  )
}

function resultOf(text: string): readonly ProofResult[] {
  try {
    return [line.parse(JSON.parse(text))]
  } catch {
    return []
  }
}
