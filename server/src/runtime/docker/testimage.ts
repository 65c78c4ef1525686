import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createReadStream } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import type Docker from 'dockerode'

const run = promisify(execFile)

/**
 * The programs of the machine that the image is made of: Debian's packages `busybox-static` and `docker.io`
 * (`tini`).
 */
const busybox = '/bin/busybox'
const tini = '/usr/bin/tini-static'

/**
 * Keeps the image contract in the least possible way: `run -- command` is a job, no argument opens two
 * doors, one that answers HTTP on 8888 and one with a banner on 2222.
 */
const init = `#!/bin/sh
if [ "$1" = run ]; then shift 2; exec "$@"; fi
httpd -p 8888 -h /www
while true; do echo SSH-2.0-stand-in | nc -l -p 2222; done
`

const applets = [
  'sh',
  'cat',
  'dd',
  'echo',
  'env',
  'false',
  'grep',
  'head',
  'httpd',
  'id',
  'kill',
  'ls',
  'mkdir',
  'mount',
]
const moreApplets = [
  'nc',
  'nslookup',
  'printf',
  'rm',
  'seq',
  'sleep',
  'stat',
  'test',
  'touch',
  'tr',
  'true',
  'ulimit',
  'wget',
]

/** Makes an image of less than 4 MB from what the machine has, without a registry; returns its id. */
export async function makeTestImage(docker: Docker): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gpuhour-image-'))
  try {
    const root = join(folder, 'root')
    for (const path of [
      'bin',
      'etc',
      'home/user',
      'opt/gpuhour',
      'proc',
      'run/gpuhour',
      'tmp',
      'var/tmp',
      'www/api',
    ]) {
      await mkdir(join(root, path), { recursive: true })
    }
    await copyFile(busybox, join(root, 'bin/busybox'))
    await copyFile(tini, join(root, 'bin/tini'))
    for (const applet of [...applets, ...moreApplets]) await symlink('busybox', join(root, 'bin', applet))
    await writeFile(join(root, 'etc/passwd'), 'user:x:1000:1000::/home/user:/bin/sh\n')
    await writeFile(join(root, 'www/api/status'), '{}\n')
    await writeFile(join(root, 'opt/gpuhour/init'), init)
    await chmod(join(root, 'opt/gpuhour/init'), 0o755)
    await run('tar', [
      '-C',
      root,
      '--owner=0',
      '--group=0',
      '--mtime=@0',
      '--sort=name',
      '-cf',
      join(folder, 'image.tar'),
      '.',
    ])
    const changes = ['ENTRYPOINT ["/bin/tini","-g","--"]', 'CMD ["/opt/gpuhour/init"]', 'ENV PATH=/bin']
    const answer = await docker.importImage(createReadStream(join(folder, 'image.tar')), { changes })
    const id = /sha256:[0-9a-f]{64}/.exec(await text(answer))?.[0]
    if (id === undefined) throw new Error('the engine did not name the imported image')
    return id
  } finally {
    await rm(folder, { recursive: true })
  }
}
