import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import ssh2, { type ClientChannel } from 'ssh2'
import { systemClock } from '../kernel/clock.ts'
import { makeSshKey } from '../kernel/sshkeys.ts'
import { type Guest, startGuest, whyNoGuest } from './testing.guest.ts'
import { insertSshKey } from './testing.rows.ts'
import { type Home, makeHome, type Ran, run } from './testing.ssh.ts'
import { type TestGateway, testGateway } from './testing.ts'

const skip = (await whyNoGuest()) ?? false

/** Random, so that nothing compresses it or takes one part for another. */
const big = randomBytes(100 * 1024 * 1024)
const bigHash = createHash('sha256').update(big).digest('hex')

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  assert.ok(address !== null && typeof address === 'object')
  return address.port
}

async function until(isSo: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
  const patience = AbortSignal.timeout(withinMs)
  while (!(await isSo())) await systemClock.sleep(50, patience)
}

const check = (name: string, body: () => Promise<void>): void => void test(name, { timeout: 60_000 }, body)

describe('the SSH door, with the clients of OpenSSH', { skip }, () => {
  let guest: Guest
  let doors: TestGateway
  let home: Home
  let options: string[]

  before(async () => {
    guest = await startGuest()
    doors = await testGateway()
    home = await makeHome()
    const person = await doors.person('per_ada')
    await doors.put((tx) => insertSshKey(tx, 'ssh_ada', person, home.fingerprint))
    const { hostPublicKey, gatewayKey, token, host } = guest
    const ports = { 2222: { host, port: 2222 }, 8888: { host, port: 8888 } }
    await doors.instance('ins_own', { name: 'lab', hostPublicKey, gatewayKey, token, ports })
    const other = makeSshKey('other').publicKey
    await doors.instance('ins_imposter', { hostPublicKey: other, gatewayKey, ports })
    await doors.instance('ins_foreign', { organization: 'org_2', hostPublicKey, gatewayKey, ports })
    await doors.instance('ins_off', { name: 'off', state: 'stopped', ports: {} })
    await doors.instance('ins_twin1', { name: 'twin', state: 'stopped', ports: {} })
    await doors.instance('ins_twin2', { name: 'twin', state: 'stopped', ports: {} })
    options = await home.options(doors.gateway.sshPort, doors.gateway.hostKey)
  })
  after(async () => {
    await Promise.all([guest?.close(), doors?.close(), home?.remove()])
  })

  const ssh = (args: readonly string[], input?: string | Uint8Array): Promise<Ran> =>
    run('ssh', [...options, ...args], input)
  const at = 'ins_own@127.0.0.1'

  check('a command: output, error output and exit code', async () => {
    const ran = await ssh([at, 'echo out; echo err >&2; exit 7'])
    assert.deepEqual([ran.code, ran.stdout.toString(), ran.stderr], [7, 'out\n', 'err\n'])
    assert.equal((await ssh([at, 'true'])).code, 0)
  })

  check('by the name, where it is one', async () => {
    assert.equal((await ssh(['lab@127.0.0.1', 'whoami'])).stdout.toString(), 'user\n')
  })

  check('bytes that are no UTF-8 arrive as they are, in a command too', async () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x80, 0x0a])
    const script = join(home.folder, 'latin')
    await writeFile(
      script,
      Buffer.concat([Buffer.from('exec ssh "$@" "printf %s \''), bytes.subarray(0, 3), Buffer.from('\'"')]),
    )
    const ran = await run('sh', [script, ...options, at])
    assert.deepEqual(ran.stdout, bytes.subarray(0, 3))
    assert.deepEqual((await ssh([at, 'cat'], bytes)).stdout, bytes)
  })

  check('end of input and end of output are apart', async () => {
    assert.equal((await ssh([at, 'cat | wc -c'], 'x'.repeat(300_000))).stdout.toString().trim(), '300000')
    const late = await ssh([at, 'exec >&- 2>&-; sleep 0.3; exit 3'])
    assert.equal(late.code, 3)
    const early = await ssh([at, 'exec <&-; echo done; exit 4'], 'y'.repeat(5_000_000))
    assert.deepEqual([early.code, early.stdout.toString()], [4, 'done\n'])
  })

  check('an end by signal is told', async () => {
    const ran = await ssh([at, 'kill -KILL $$'])
    assert.equal(ran.code, 255)
  })

  check('fast output arrives whole, error output beside it', async () => {
    const ran = await ssh([at, 'seq 1 200000; seq 1 200000 >&2'])
    const lines = Array.from({ length: 200_000 }, (_, index) => `${index + 1}\n`).join('')
    assert.equal(ran.stdout.toString(), lines)
    assert.equal(ran.stderr, lines)
  })

  check('a reader that is slow slows the writer, and loses nothing', async () => {
    const child = spawn('ssh', [...options, at, `head -c ${30 * 1024 * 1024} /dev/zero`])
    child.stdin.end()
    await systemClock.sleep(500, AbortSignal.timeout(5000))
    let bytes = 0
    child.stdout.on('data', (chunk: Buffer) => (bytes += chunk.length))
    const [code] = await once(child, 'close')
    assert.deepEqual([code, bytes], [0, 30 * 1024 * 1024])
  })

  check('scp: 100 MiB there and back', async () => {
    const from = join(home.folder, 'big')
    await writeFile(from, big)
    const up = await run('scp', [...options, '-q', from, `${at}:big`])
    assert.equal(up.code, 0, up.stderr)
    assert.match((await ssh([at, 'sha256sum big'])).stdout.toString(), new RegExp(bigHash))
    const down = await run('scp', [...options, '-q', `${at}:big`, join(home.folder, 'back')])
    assert.equal(down.code, 0, down.stderr)
    const back = await readFile(join(home.folder, 'back'))
    assert.equal(createHash('sha256').update(back).digest('hex'), bigHash)
    const old = await run('scp', ['-O', ...options, '-q', `${at}:big`, join(home.folder, 'old')])
    assert.equal(old.code, 0, old.stderr)
  })

  check('keys are exchanged anew in the middle of a transfer', async () => {
    const part = big.subarray(0, 20 * 1024 * 1024)
    const ran = await ssh(['-o', 'RekeyLimit=1M', at, 'cat'], part)
    assert.equal(ran.code, 0, ran.stderr)
    assert.ok(ran.stdout.equals(part))
  })

  check('sftp: a folder with odd names', async () => {
    await writeFile(join(home.folder, 'ä 1'), 'hello')
    const batch = [
      'mkdir d',
      `put "${home.folder}/ä 1" d/`,
      'chmod 600 "d/ä 1"',
      'rename "d/ä 1" d/2',
      'ls -l d',
      `get d/2 ${home.folder}/2`,
      '',
    ].join('\n')
    const ran = await run('sftp', [...options, '-b', '-', at], batch)
    assert.equal(ran.code, 0, ran.stderr)
    assert.equal(await readFile(join(home.folder, '2'), 'utf8'), 'hello')
  })

  check('rsync: a tree, then only what changed', async () => {
    const shell = `ssh ${options.join(' ')}`
    const ran = await run('rsync', ['-a', '-e', shell, '/etc/ssl/', `${at}:tree/`])
    assert.ok(ran.code === 0 || ran.code === 23, ran.stderr)
    const again = await run('rsync', ['-a', '--stats', '-e', shell, `${home.folder}/key`, `${at}:tree/`])
    assert.equal(again.code, 0, again.stderr)
  })

  check('a terminal: size, change of size, interrupt', async () => {
    const client = new ssh2.Client()
    const { sshPort } = doors.gateway
    client.connect({ host: '127.0.0.1', port: sshPort, username: 'ins_own', privateKey: home.privateKey })
    await once(client, 'ready')
    const shell = await new Promise<ClientChannel>((resolve, reject) =>
      client.shell({ rows: 33, cols: 99, term: 'xterm-256color' }, (error, channel) =>
        error ? reject(error) : resolve(channel),
      ),
    )
    let shown = ''
    shell.on('data', (chunk: Buffer) => (shown += chunk.toString('utf8')))
    shell.write('stty size; echo $TERM\n')
    await until(() => /33 99\r\n[^]*xterm-256color\r\n/.test(shown), 5000)
    shell.setWindow(44, 111, 0, 0)
    shell.write('stty size\n')
    await until(() => shown.includes('44 111\r\n'), 5000)
    shell.write('sleep 100; echo code=$?\n')
    await systemClock.sleep(200, AbortSignal.timeout(5000))
    shell.write('\x03')
    await until(() => shown.includes('^C'), 5000)
    shell.write('exit 5\n')
    const [code] = await once(shell, 'exit')
    assert.equal(code, 5)
    client.end()
  })

  check('a signal reaches the command', async () => {
    const client = new ssh2.Client()
    const { sshPort } = doors.gateway
    client.connect({ host: '127.0.0.1', port: sshPort, username: 'ins_own', privateKey: home.privateKey })
    await once(client, 'ready')
    const channel = await new Promise<ClientChannel>((resolve, reject) =>
      client.exec('sleep 100', (error, opened) => (error ? reject(error) : resolve(opened))),
    )
    channel.resume()
    channel.signal('TERM')
    const [code, signal] = await once(channel, 'exit')
    assert.deepEqual([code, signal], [null, 'SIGTERM'])
    client.end()
  })

  check('only what is harmless of the environment, no agent, no X11', async () => {
    const set = ['-o', 'SetEnv=LC_TEST=yes COLORTERM=truecolor LD_PRELOAD=/x GPUHOUR_X=1']
    const ran = await ssh([...set, '-A', '-X', at, 'env'])
    assert.equal(ran.code, 0, ran.stderr)
    const environment = ran.stdout.toString()
    assert.match(environment, /^LC_TEST=yes$/m)
    assert.match(environment, /^COLORTERM=truecolor$/m)
    assert.doesNotMatch(environment, /LD_PRELOAD|GPUHOUR_X|SSH_AUTH_SOCK|DISPLAY/)
  })

  check('a forwarded port leads to the guest, and nowhere else', async () => {
    const port = await freePort()
    const tunnel = spawn('ssh', [...options, '-N', '-L', `127.0.0.1:${port}:localhost:8888`, at])
    const answer = await untilHttp(port)
    assert.match(answer, /"version"/)
    tunnel.kill()
    await once(tunnel, 'close')
    for (const host of [
      '10.0.0.1',
      '169.254.169.254',
      '172.17.0.1',
      'example.test',
      '0.0.0.0',
      '127.0.0.2',
    ]) {
      const ran = await ssh(['-W', `${host}:80`, at])
      assert.equal(ran.code, 255, host)
      assert.match(ran.stderr, /administratively prohibited/, host)
    }
    const remote = await ssh(['-o', 'ExitOnForwardFailure=yes', '-N', '-R', '0:localhost:22', at])
    assert.match(remote.stderr, /remote port forwarding failed/)
    const sockets = spawn('ssh', [...options, '-N', '-L', `127.0.0.1:${port}:/run/x.sock`, at])
    let complaint = ''
    sockets.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString('utf8')))
    await until(async () => {
      connect(port, '127.0.0.1').on('error', () => {})
      return complaint.includes('direct-streamlocal@openssh.com is not offered here')
    }, 10_000)
    sockets.kill()
    await once(sockets, 'close')
  })

  check("VS Code's handshake: a script by stdin, a server on loopback, reached through -D", async () => {
    const port = await freePort()
    const script = [
      'uname -rsv',
      'echo "shell=$SHELL"',
      'python3 -u - <<EOF 2>/dev/null &',
      'import http.server as h',
      "s = h.HTTPServer(('127.0.0.1', 0), h.SimpleHTTPRequestHandler)",
      "print('listeningOn==' + str(s.server_port) + '==', flush=True)",
      's.serve_forever()',
      'EOF',
      'wait',
    ].join('\n')
    const child = spawn('ssh', [...options, '-T', '-D', String(port), at, 'bash'])
    let shown = ''
    child.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString('utf8')))
    child.stdin.write(`${script}\n`)
    await until(() => /listeningOn==\d+==/.test(shown), 10_000)
    assert.match(shown, /^Linux [^]*shell=\/bin\/bash/)
    const listening = Number(/listeningOn==(\d+)==/.exec(shown)?.[1])
    assert.match(await bySocks(port, '127.0.0.1', listening), /^HTTP\/1\.0 200/)
    assert.equal(await bySocks(port, '169.254.169.254', 80), '')
    child.kill('SIGKILL')
    await once(child, 'close')
    await until(async () => !(await guest.inside('ps', 'ax')).includes('python3 -u -'), 30_000)
  })

  check('what a dead client ran ends, except under nohup and tmux', async () => {
    const script = 'nohup sleep 7001 >/dev/null 2>&1 & tmux new -d "sleep 7002"; sleep 7003'
    const child = spawn('ssh', [...options, at, script])
    const terminal = spawn('ssh', [...options, '-tt', at, 'sleep 7004'])
    const processes = (): Promise<string> => guest.inside('ps', 'ax')
    await until(async () => /7003[^]*7004|7004[^]*7003/.test(await processes()), 10_000)
    child.kill('SIGKILL')
    terminal.kill('SIGKILL')
    await until(async () => !/sleep (7003|7004)/.test(await processes()), 30_000)
    const left = await processes()
    assert.match(left, /sleep 7001/)
    assert.match(left, /sleep 7002/)
    await guest.inside('sh', '-c', 'kill $(pgrep -f "sleep 700")')
  })

  check('one line and 255: unknown, foreign, stopped, ambiguous, impersonated', async () => {
    const cases = {
      ins_none: /^gpuhour: there is no instance "ins_none"/,
      ins_foreign: /^gpuhour: there is no instance "ins_foreign"/,
      off: /^gpuhour: off is stopped\. Start it with "gpuhour start off"\./,
      twin: /^gpuhour: "twin" is the name of 2: use an id: ins_twin1 ins_twin2/,
      ins_imposter: /^gpuhour: ins_imposter runs, but its SSH server does not answer/,
    }
    for (const [user, line] of Object.entries(cases)) {
      for (const command of [['true'], ['-tt'], ['-s', 'sftp']]) {
        const ran = await ssh([`${user}@127.0.0.1`, ...command])
        assert.equal(ran.code, 255, `${user} ${command.join(' ')}: ${ran.stderr}`)
        const lines = ran.stderr
          .split(/\r?\n/)
          .filter((one) => one !== '' && !one.startsWith('Connection to'))
        assert.equal(lines.length, 1, ran.stderr)
        assert.match(lines[0] ?? '', line)
      }
    }
  })

  check('a key that nobody has, and no key at all', async () => {
    const stranger = await makeHome()
    const theirs = await stranger.options(doors.gateway.sshPort, doors.gateway.hostKey)
    const ran = await run('ssh', [...theirs, at, 'true'])
    assert.equal(ran.code, 255)
    assert.match(ran.stderr, /Permission denied \(publickey\)/)
    const none = await ssh(['-o', 'PubkeyAuthentication=no', '-o', 'BatchMode=no', at, 'true'])
    assert.match(none.stderr, /Permission denied \(publickey\)/)
    await doors.store.transact((tx) => insertKeyOf(tx, stranger))
    assert.equal((await run('ssh', [...theirs, at, 'true'])).code, 0, 'a new key works at once')
    await stranger.remove()
  })

  check('an RSA key signs with SHA-2, not with SHA-1', async () => {
    const rsa = await makeHome('rsa')
    await doors.put((tx) => insertSshKey(tx, 'ssh_rsa', 'per_ada', rsa.fingerprint))
    const theirs = await rsa.options(doors.gateway.sshPort, doors.gateway.hostKey)
    assert.equal((await run('ssh', [...theirs, at, 'true'])).code, 0)
    const sha1 = await run('ssh', [...theirs, '-o', 'PubkeyAcceptedAlgorithms=ssh-rsa', at, 'true'])
    assert.equal(sha1.code, 255)
    await rsa.remove()
  })

  check('many sessions over one connection', async () => {
    const control = join(home.folder, 'control')
    const shared = ['-o', `ControlPath=${control}`, '-o', 'ControlMaster=auto', '-o', 'ControlPersist=20']
    assert.equal((await ssh([...shared, at, 'true'])).code, 0)
    const codes = await Promise.all(
      Array.from({ length: 8 }, (_, code) => ssh([...shared, at, `exit ${code}`])),
    )
    assert.deepEqual(
      codes.map(({ code }) => code),
      [0, 1, 2, 3, 4, 5, 6, 7],
    )
    await ssh([...shared, '-O', 'exit', at])
  })

  check('garbage does not hurt', async () => {
    const { sshPort } = doors.gateway
    for (const bytes of [
      'GET / HTTP/1.1\r\n\r\n',
      'a'.repeat(20_000),
      `SSH-2.0-x\r\n${'\0'.repeat(100)}`,
      randomBytes(5000),
    ]) {
      const socket = connect(sshPort, '127.0.0.1', () => socket.write(bytes))
      socket.resume()
      socket.on('error', () => {})
      socket.setTimeout(10_000, () => socket.destroy(new Error('still open')))
      await once(socket, 'close')
    }
    assert.equal((await ssh([at, 'true'])).code, 0)
  })

  check('a client that says nothing is sent away after twenty seconds', async () => {
    const startedAt = performance.now()
    const socket = connect(doors.gateway.sshPort, '127.0.0.1')
    socket.resume()
    socket.on('error', () => {})
    await once(socket, 'close')
    const seconds = (performance.now() - startedAt) / 1000
    assert.ok(seconds > 18 && seconds < 23, `${seconds} s`)
  })

  check('a stop closes what is open', async () => {
    const { hostPublicKey, gatewayKey, host } = guest
    const stopping = await doors.instance('ins_ends', {
      hostPublicKey,
      gatewayKey,
      ports: { 2222: { host, port: 2222 } },
    })
    const child = spawn('ssh', [...options, `${stopping}@127.0.0.1`, 'echo in; sleep 100'])
    await once(child.stdout, 'data')
    const startedAt = performance.now()
    await doors.setState(stopping, 'stopping')
    const [code] = await once(child, 'close')
    assert.equal(code, 255)
    assert.ok(performance.now() - startedAt < 2000)
  })

  async function insertKeyOf(tx: Parameters<typeof insertSshKey>[0], who: Home): Promise<void> {
    await insertSshKey(tx, 'ssh_stranger', 'per_ada', who.fingerprint)
  }
})

async function untilHttp(port: number): Promise<string> {
  const patience = AbortSignal.timeout(10_000)
  for (;;) {
    const answer = await new Promise<string | null>((resolve) => {
      const sent = request({ host: '127.0.0.1', port, path: '/api', agent: false }, (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')))
        response.on('end', () => resolve(text))
      })
      sent.on('error', () => resolve(null))
      sent.end()
    })
    if (answer !== null) return answer
    await systemClock.sleep(50, patience)
  }
}

/** One HTTP request through a SOCKS 5 proxy; empty where the proxy does not connect. */
async function bySocks(proxy: number, host: string, port: number): Promise<string> {
  const socket = connect(proxy, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(Uint8Array.of(5, 1, 0))
  await once(socket, 'data')
  socket.write(Uint8Array.of(5, 1, 0, 1, ...host.split('.').map(Number), port >> 8, port & 255))
  // ssh closes without a word where the channel is refused.
  const [reply] = await Promise.race([once(socket, 'data'), once(socket, 'close')])
  if (!Buffer.isBuffer(reply)) return ''
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')))
  socket.write(`GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`)
  await once(socket, 'close')
  return text
}
