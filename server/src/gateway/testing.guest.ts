import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Docker from 'dockerode'
import { systemClock } from '../kernel/clock.ts'
import { makeSshKey } from '../kernel/sshkeys.ts'

const image = 'gpuhour/base:1'

/** The account of the image contract. */
const guestUid = 1000

/** A container of the image, with real sshd and JupyterLab, for tests of the doors. */
export interface Guest {
  /** Its address on the engine's own network. */
  readonly host: string
  readonly hostPublicKey: string
  readonly gatewayKey: string
  readonly token: string
  /** Runs a command inside, beside the doors; its output. */
  inside(...command: readonly string[]): Promise<string>
  close(): Promise<void>
}

/** Why there can be no guest on this machine; null where there can. */
export async function whyNoGuest(): Promise<string | null> {
  const docker = new Docker()
  try {
    await docker.ping()
  } catch {
    return 'no Docker Engine answers'
  }
  return docker
    .getImage(image)
    .inspect()
    .then(
      () => null,
      () => `the image ${image} is not built`,
    )
}

/** Starts one and waits until both doors answer. */
export async function startGuest(): Promise<Guest> {
  const docker = new Docker()
  const folder = await mkdtemp(join(tmpdir(), 'gpuhour-guest-'))
  await chmod(folder, 0o755)
  const hostKey = makeSshKey('test')
  const gatewayKey = makeSshKey('test')
  const token = 'a-token-of-a-test'
  await give(folder, 'ssh_host_ed25519_key', hostKey.privateKey)
  await give(folder, 'authorized_keys', `${gatewayKey.publicKey}\n`)
  await give(folder, 'jupyter_token', token)
  const container = await docker.createContainer({
    Image: image,
    Labels: { 'gpuhour.test': 'doors' },
    HostConfig: {
      Binds: [`${folder}:/run/gpuhour:ro`],
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
    },
  })
  const close = async (): Promise<void> => {
    await container.remove({ force: true, v: true })
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await container.start()
    const { NetworkSettings } = await container.inspect()
    const host = NetworkSettings.Networks['bridge']?.IPAddress ?? ''
    for (const port of [2222, 8888]) await untilAnswers(host, port)
    return {
      host,
      token,
      hostPublicKey: hostKey.publicKey,
      gatewayKey: gatewayKey.privateKey,
      close,
      async inside(...command) {
        const exec = await container.exec({
          Cmd: [...command],
          AttachStdout: true,
          AttachStderr: true,
          Tty: true,
        })
        const stream = await exec.start({})
        const chunks: Buffer[] = []
        for await (const chunk of stream) chunks.push(Buffer.from(chunk))
        return Buffer.concat(chunks).toString('utf8')
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** A file that uid 1000 can read, and that sshd takes for well kept. */
async function give(folder: string, name: string, text: string): Promise<void> {
  const path = join(folder, name)
  await writeFile(path, text)
  const isOurs = process.getuid?.() === guestUid
  const isGiven = await chown(path, guestUid, guestUid).then(
    () => true,
    () => isOurs,
  )
  await chmod(path, isGiven ? 0o600 : 0o644)
}

async function untilAnswers(host: string, port: number): Promise<void> {
  const patience = AbortSignal.timeout(30_000)
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect({ host, port })
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (isOpen) return
    await systemClock.sleep(50, patience)
  }
}
