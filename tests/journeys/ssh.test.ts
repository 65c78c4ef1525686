import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { freePorts, JourneyPlatform } from './platform.ts'
import { begin, Person, type Ran, type Running } from './shell.ts'
import { until } from './until.ts'

// A person with Debian's own ssh, scp, sftp and rsync, set up by nothing but `./gpuhour ssh-config`.

const clients = ['/usr/bin/ssh', '/usr/bin/scp', '/usr/bin/sftp', '/usr/bin/rsync']
const missing = clients.filter((path) => !existsSync(path))
const skip = missing.length > 0 && `there is no ${missing.join(', ')}`

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe('a person with an SSH client', { skip }, () => {
  let platform: JourneyPlatform
  let person: Person
  /** Of the person, as `ssh-config` printed it before the first connection. */
  let config: string
  const host = 'lab.gpuhour'

  before(async () => {
    platform = await JourneyPlatform.open()
    person = new Person(platform)
    await person.login()
    await platform.untilOffered(person, 'base:1')
    await person.ask(
      'launch',
      'lab',
      '--image',
      'base:1',
      '--flavor',
      'cpu.1x2',
      '--volume-gib',
      '2',
      '--yes',
    )
    config = join(person.home, 'ssh_config')
    writeFileSync(config, await person.ask('ssh-config'))
  })
  after(async () => platform?.close())

  const client = (program: string, args: readonly string[], input?: string): Running =>
    begin(program, ['-F', config, ...args], {
      env: person.env,
      cwd: person.home,
      ...(input === undefined ? {} : { input }),
    })
  const ssh = async (...args: readonly string[]): Promise<Ran> => client('ssh', args).ended
  const must = async (running: Running): Promise<string> => {
    const { code, stdout } = await running.ended
    assert.equal(code, 0, running.seen())
    return stdout
  }

  test('gpuhour ssh runs a command and answers with its exit code', async () => {
    const running = person.begin('ssh', 'lab', 'echo out; echo err >&2; exit 7')
    const { code, stdout, stderr } = await running.ended
    assert.deepEqual([code, stdout], [7, 'out\n'], running.seen())
    assert.match(stderr, /^err$/m)
    assert.equal(await must(person.begin('ssh', 'lab', 'whoami; pwd')), 'user\n/home/user\n')
  })

  test('ssh itself: input, output, exit code, a terminal', async () => {
    assert.equal((await ssh(host, 'exit 9')).code, 9)
    assert.equal(await must(client('ssh', [host, 'tr a-z A-Z'], 'through and back\n')), 'THROUGH AND BACK\n')
    assert.match((await ssh('-tt', host, 'tty')).stdout, /^\/dev\/pts\/\d+\r?$/m)
    const lines = (await ssh(host, 'seq 1 100000')).stdout.split('\n')
    assert.deepEqual([lines.length, lines[0], lines[99_999]], [100_001, '1', '100000'])
  })

  test('scp and gpuhour cp: there and back, folders too', async () => {
    const bytes = randomBytes(8 * 1024 * 1024)
    const folder = join(person.home, 'data')
    mkdirSync(join(folder, 'ä b'), { recursive: true })
    writeFileSync(join(folder, 'ä b', 'big'), bytes)
    await must(client('scp', ['-q', join(folder, 'ä b', 'big'), `${host}:big`]))
    assert.ok((await ssh(host, 'sha256sum big')).stdout.startsWith(digest(bytes)))
    await must(client('scp', ['-q', '-r', `${host}:big`, join(person.home, 'back')]))
    assert.equal(digest(readFileSync(join(person.home, 'back'))), digest(bytes))
    await person.ask('cp', '-q', '-r', folder, 'lab:data')
    await person.ask('cp', '-q', '-r', 'lab:data', join(person.home, 'copy'))
    assert.equal(digest(readFileSync(join(person.home, 'copy', 'ä b', 'big'))), digest(bytes))
  })

  test('sftp', async () => {
    writeFileSync(join(person.home, 'note'), 'by sftp\n')
    const batch = [
      'mkdir box',
      'put note box/note',
      'rename box/note box/kept',
      'get box/kept got',
      'ls box',
      'bye',
    ]
    const said = await must(client('sftp', ['-b', '-', host], `${batch.join('\n')}\n`))
    assert.match(said, /kept/)
    assert.equal(readFileSync(join(person.home, 'got'), 'utf8'), 'by sftp\n')
  })

  test('rsync sends what is new, and then nothing', async () => {
    const send = (): Running =>
      begin(
        'rsync',
        ['-a', '--stats', '-e', `ssh -F ${config}`, join(person.home, 'data/'), `${host}:synced/`],
        {
          env: person.env,
        },
      )
    assert.match(await must(send()), /Number of regular files transferred: 1\b/)
    assert.match(await must(send()), /Number of regular files transferred: 0\b/)
  })

  test('a forwarded port reaches a server on the loopback of the instance', async () => {
    const [port] = await freePorts(1)
    const forwarding = client('ssh', [
      ...['-o', 'ExitOnForwardFailure=yes', '-L', `127.0.0.1:${port}:localhost:9123`, host],
      'cd box && exec python3 -u -m http.server --bind 127.0.0.1 9123',
    ])
    try {
      await until('the server', () => forwarding.stdout().includes('Serving HTTP'), { seen: forwarding.seen })
      const answer = await fetch(`http://127.0.0.1:${port}/kept`)
      assert.equal(await answer.text(), 'by sftp\n')
    } finally {
      forwarding.child.kill()
      await forwarding.ended
    }
  })

  test("VS Code's handshake: a script by stdin, then connections through -D to what it started", async () => {
    const [port] = await freePorts(1)
    const script = [
      'echo "ready: $(uname -s) $SHELL $HOME"',
      'python3 -u -c "',
      'import http.server as h',
      "s = h.HTTPServer(('127.0.0.1', 0), h.SimpleHTTPRequestHandler)",
      "print('listeningOn==%d==' % s.server_port)",
      's.serve_forever()" 2>/dev/null',
    ].join('\n')
    const handshake = client('ssh', ['-T', '-D', `127.0.0.1:${port}`, host, 'bash'], `${script}\n`)
    try {
      const listening = await until(
        'the server',
        () => /listeningOn==(\d+)==/.exec(handshake.stdout())?.[1],
        {
          seen: handshake.seen,
        },
      )
      assert.match(handshake.stdout(), /^ready: Linux \/bin\/bash \/home\/user$/m)
      assert.match(await throughSocks(port ?? 0, Number(listening)), /^HTTP\/1\.0 200 OK/)
    } finally {
      handshake.child.kill()
      await handshake.ended
    }
  })

  test('a key that the platform does not know stays outside', async () => {
    const key = join(person.home, 'stranger')
    await begin('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key], { env: person.env }).ended
    const own = readFileSync(config, 'utf8').replace(/IdentityFile .*/, `IdentityFile ${key}`)
    writeFileSync(`${config}.stranger`, own)
    const { code, stderr } = await begin('ssh', ['-F', `${config}.stranger`, host, 'true'], {
      env: person.env,
    }).ended
    assert.equal(code, 255)
    assert.match(stderr, /Permission denied \(publickey\)/)
  })

  test('stopped: one clear line and 255; started again: same host key, same files', async () => {
    const knownHosts = join(person.home, 'known_hosts')
    const mine = ['-o', `UserKnownHostsFile=${knownHosts}`] as const
    assert.equal(
      (await ssh(...mine, '-o', 'StrictHostKeyChecking=accept-new', host, 'echo kept > file')).code,
      0,
    )
    const known = readFileSync(knownHosts, 'utf8')
    await person.ask('stop', 'lab')
    const stopped = await ssh(host, 'true')
    assert.equal(stopped.code, 255)
    assert.equal(stopped.stderr.trim(), 'gpuhour: lab is stopped. Start it with "gpuhour start lab".')
    await person.ask('start', 'lab')
    const again = client('ssh', [
      ...mine,
      '-o',
      'StrictHostKeyChecking=yes',
      host,
      'cat file; ls big data box synced',
    ])
    assert.match(await must(again), /^kept\n/)
    assert.equal(readFileSync(knownHosts, 'utf8'), known)
    assert.equal(again.stderr(), '')
  })
})

/** What an HTTP server inside answers to a request through a SOCKS 5 proxy (RFC 1928). */
function throughSocks(proxy: number, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(proxy, '127.0.0.1', () => socket.write(Buffer.from([5, 1, 0])))
    let heard = Buffer.alloc(0)
    let stage: 'greeting' | 'connecting' | 'open' = 'greeting'
    socket.on('data', (part: Buffer) => {
      heard = Buffer.concat([heard, part])
      if (stage === 'greeting' && heard.length >= 2) {
        stage = 'connecting'
        heard = Buffer.alloc(0)
        socket.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255]))
      } else if (stage === 'connecting' && heard.length >= 10) {
        if (heard[1] !== 0) return socket.destroy(new Error(`the proxy answered ${heard[1]}`))
        stage = 'open'
        heard = Buffer.alloc(0)
        socket.write('GET / HTTP/1.0\r\n\r\n')
      }
    })
    socket.on('end', () => resolve(heard.toString()))
    socket.on('error', reject)
  })
}
