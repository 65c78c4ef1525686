import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../kernel/clock.ts'
import { isAppError } from '../kernel/errors.ts'
import { loadConfig } from './config.ts'
import { hashOfSources } from './console.ts'
import { holderOf, tryLock } from './lock.ts'
import { openLog, shortForm } from './logs.ts'
import { inGib, lookAtMachine, requireMachine, sayMachine } from './machine.ts'
import { platformOf, platformPath, readPlatform, writePlatform } from './platform.ts'
import { claimPorts } from './ports.ts'
import { createPrinter } from './progress.ts'

// The parts of a start, each by itself.

let dir = ''
before(() => (dir = mkdtempSync(join(tmpdir(), 'gpuhour-start-'))))
after(() => rmSync(dir, { recursive: true, force: true }))

describe('the lock on a data directory', () => {
  test('one holds it, and is named', () => {
    const path = join(dir, 'lock')
    const held = tryLock(path)
    assert.ok(held)
    assert.equal(tryLock(path), null)
    assert.equal(tryLock(path, 'shared'), null)
    assert.equal(holderOf(path), process.pid)
    held.release()
    const again = tryLock(path)
    assert.ok(again)
    again.release()
  })

  test('shared holders share it, and keep out who wants it alone', () => {
    const path = join(dir, 'users')
    const holders = [tryLock(path, 'shared'), tryLock(path, 'shared')]
    assert.equal(tryLock(path), null)
    for (const holder of holders) holder?.release()
    const alone = tryLock(path)
    assert.ok(alone)
    alone.release()
  })

  test('it ends with its holder, by SIGKILL too', async () => {
    const path = join(dir, 'killed')
    const program = `
      import { tryLock } from '${new URL('./lock.ts', import.meta.url).href}'
      tryLock(process.argv[1]) && console.log('held')
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, path])
    await new Promise((resolve) => child.stdout.once('data', resolve))
    assert.equal(tryLock(path), null)
    assert.equal(holderOf(path), child.pid)
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
    const taken = tryLock(path)
    assert.ok(taken)
    taken.release()
  })
})

describe('ports', () => {
  test('a taken one is refused, with its number and its variable', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    assert.ok(typeof address === 'object' && address)
    const config = loadConfig({
      GPUHOUR_PORT: '0',
      GPUHOUR_APPS_PORT: '0',
      GPUHOUR_SSH_PORT: String(address.port),
    })
    await assert.rejects(
      claimPorts(config, systemClock),
      (error) =>
        isAppError(error) &&
        error.message.includes(`Port ${address.port}, for SSH, is taken`) &&
        error.message.includes('GPUHOUR_SSH_PORT='),
    )
    await new Promise((resolve) => server.close(resolve))
  })

  test('zero becomes three different free ones', async () => {
    const config = loadConfig({ GPUHOUR_PORT: '0', GPUHOUR_APPS_PORT: '0', GPUHOUR_SSH_PORT: '0' })
    const { port, appsPort, sshPort } = await claimPorts(config, systemClock)
    assert.equal(new Set([port, appsPort, sshPort, 0]).size, 4)
  })

  test('the same one twice is refused', async () => {
    const { port } = await claimPorts(
      loadConfig({ GPUHOUR_PORT: '0', GPUHOUR_APPS_PORT: '0', GPUHOUR_SSH_PORT: '0' }),
      systemClock,
    )
    const config = loadConfig({
      GPUHOUR_PORT: String(port),
      GPUHOUR_APPS_PORT: String(port),
      GPUHOUR_SSH_PORT: '0',
    })
    await assert.rejects(claimPorts(config, systemClock), /must differ/)
  })

  test('an address that is not ours is refused', async () => {
    const config = loadConfig({ GPUHOUR_HOST: '192.0.2.1', GPUHOUR_PORT: '0' })
    await assert.rejects(claimPorts(config, systemClock), /Cannot listen on 192\.0\.2\.1 .*GPUHOUR_HOST/)
  })
})

describe('platform.json', () => {
  test('id and secret are made once; the addresses are those of this start', async () => {
    const config = loadConfig({ GPUHOUR_PORT: '8000', GPUHOUR_HOST: '0.0.0.0' })
    const first = platformOf(config, null)
    writePlatform(dir, first)
    const read = await readPlatform(dir)
    assert.deepEqual(read, first)
    const second = platformOf(loadConfig({ GPUHOUR_DOMAIN: 'gpu.example.org' }), read)
    assert.equal(second.installation, first.installation)
    assert.equal(second.operatorSecret, first.operatorSecret)
    assert.deepEqual(
      [first.console, first.api, second.console, second.apps.host],
      [
        'http://localhost:8000',
        'http://127.0.0.1:8000',
        'http://gpu.example.org:7070',
        'apps.gpu.example.org',
      ],
    )
    assert.match(first.installation, /^plt_/)
    assert.match(first.operatorSecret, /^gph_.{50}/)
  })

  test('a damaged one is not replaced by a new identity', async () => {
    writeFileSync(platformPath(dir), '{"installation":')
    await assert.rejects(readPlatform(dir), /platform\.json is damaged/)
  })
})

describe('what a person reads', () => {
  test('without a terminal progress becomes lines, not too many', () => {
    let now = 0
    let text = ''
    const printer = createPrinter({ write: (part: string) => ((text += part), true) }, () => now)
    printer.progress('image', 'step 1')
    printer.progress('image', 'step 2')
    now = 6_000
    printer.progress('image', 'step 3')
    printer.progress('image', 'step 3')
    printer.done('image', 'built')
    assert.equal(text, 'step 1\nstep 3\nbuilt\n')
  })

  test('on a terminal it is one line that changes, below what is printed meanwhile', () => {
    let text = ''
    const output = { write: (part: string) => ((text += part), true), isTTY: true, columns: 12 }
    const printer = createPrinter(output)
    printer.progress('a', 'one of many steps')
    printer.line('hello')
    printer.done('a')
    const erase = '\r\x1b[K'
    assert.equal(text, `${erase}one of many${erase}hello\n${erase}one of many${erase}`)
  })

  test('warnings are short, and the same one is not repeated', () => {
    let now = 0
    const shorten = shortForm('api', () => now)
    const json = JSON.stringify({ level: 40, msg: 'slow', err: { message: 'timeout' } })
    assert.equal(shorten(json), 'api: warning: slow: timeout')
    assert.equal(shorten(json), null)
    now = 11_000
    assert.equal(shorten(json), 'api: warning: slow: timeout')
  })

  test('everything is in the log file, warnings also on the screen', () => {
    const shown: string[] = []
    const log = openLog(dir, 'api', 'info', (line) => shown.push(line))
    log.debug('too fine')
    log.info('fine')
    log.error(new Error('broken'), 'not fine')
    assert.deepEqual(shown, ['api: error: not fine: broken'])
  })

  test('the machine in plain words', () => {
    const machine = {
      ...lookAtMachine(join(dir, 'not/yet')),
      nvidiaDriver: null,
      diskFreeBytes: 5 * 1024 ** 3,
    }
    assert.match(
      sayMachine(machine, '/d').join('\n'),
      /CPUs.*memory\nDisk: 5\.0 GiB free at \/d; building.*\nGPU: no NVIDIA driver/,
    )
    assert.equal(inGib(24 * 1024 ** 3), '24 GiB')
    requireMachine(machine, '/d')
    assert.throws(
      () => requireMachine({ ...machine, diskFreeBytes: 1024 }, '/d'),
      /Only 0\.0 GiB are free.*GPUHOUR_DATA/,
    )
  })
})

test('the console is known by its sources alone', () => {
  const root = mkdtempSync(join(dir, 'root-'))
  const hash = (): string => {
    const folders = ['console', 'sdk', 'console/dist'].map((name) => join(root, name))
    for (const folder of folders) mkdirSync(folder, { recursive: true })
    writeFileSync(join(root, 'package-lock.json'), '{}')
    return hashOfSources(root)
  }
  const empty = hash()
  writeFileSync(join(root, 'console/dist/x.js'), '1')
  assert.equal(hash(), empty)
  writeFileSync(join(root, 'console/main.tsx'), '1')
  assert.notEqual(hash(), empty)
})
