// The one plain-JavaScript file (Node 20, built-ins only): installs what is missing, then runs everything else under
// the Node of the lockfile. `npm start`, `npm test`, `npm run dev`, `npm run check`, `npm run schema` and `./gpuhour` come
// through here.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import module from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { pathToFileURL, fileURLToPath } from 'node:url'

const self = fileURLToPath(import.meta.url)
const root = dirname(dirname(self))
const modules = join(root, 'node_modules')
/** Says for which lockfile node_modules was made; `npm ci` removes it first and so cannot leave it behind half-done. */
const stampPath = join(modules, '.gpuhour-installed')
const nodePackage = join(modules, `node-${process.platform}-${process.arch}`)
const ourNode = join(nodePackage, 'bin', 'node')

/** What each word runs, and whether it stays in the caller's folder. */
const programs = {
  start: { file: 'server/src/main/main.ts', stays: false },
  dev: { file: 'server/src/main/dev.ts', stays: false },
  test: { file: 'tools/test.ts', stays: false },
  check: { file: 'tools/check.ts', stays: false },
  schema: { file: 'tools/schema.ts', stays: false },
  cli: { file: 'cli/src/gpuhour.ts', stays: true },
}

/** One sentence for a person, and the end. */
function fail(sentence) {
  process.stderr.write(`error: ${sentence}\n`)
  process.exit(1)
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
}

function readOrNull(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/** Is node_modules what the lockfile asks for? Also when a person ran `npm install` or `npm ci`: then it is noted. */
export function isInstalled() {
  const wanted = lockHash()
  if (readOrNull(stampPath) === wanted) return true
  const installed = readOrNull(join(modules, '.package-lock.json'))
  if (installed === null || !existsSync(ourNode)) return false
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  if (!sameTree(lock.packages, JSON.parse(installed).packages)) return false
  writeFileSync(stampPath, wanted)
  return true
}

/** Does npm's note of what it installed hold every package of the lockfile? Optional ones may be for other machines. */
export function sameTree(wanted, installed) {
  return Object.entries(wanted)
    .filter(([path]) => path.startsWith('node_modules/') || path.includes('/node_modules/'))
    .every(([path, entry]) => {
      const found = installed[path]
      if (!found) return entry.optional === true
      return found.version === entry.version && found.integrity === entry.integrity
    })
}

/** What went wrong in npm, as one sentence that says what to do. */
export function sentenceOf(output) {
  const registry = /https?:\/\/[^\s/]+/.exec(output)?.[0] ?? 'the npm registry'
  if (
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|network/.test(
      output,
    )
  )
    return (
      `The dependencies cannot be installed: ${registry} does not answer. ` +
      'Check the network, or name another registry: npm config set registry <url>'
    )
  if (/SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|CERT_/.test(output))
    return (
      `The dependencies cannot be installed: the certificate of ${registry} is not trusted here. ` +
      'Name your CA bundle: npm config set cafile <path>'
    )
  if (/ENOSPC/.test(output))
    return 'The dependencies cannot be installed: the disk is full. They take about 1 GB.'
  if (/EACCES|EROFS|EPERM/.test(output))
    return `The dependencies cannot be installed: ${root} cannot be written to.`
  const last = output.trim().split('\n').slice(-5).join('\n')
  return `The dependencies cannot be installed; npm says:\n${last}`
}

function exitOf(child) {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ error }))
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
}

/** Runs in a child of its own, alone: the caller holds the lock. */
async function install() {
  if (isInstalled()) return
  const started = Date.now()
  const say = (text) => process.stderr.write(`${text}\n`)
  say('Installing the dependencies of the lockfile …')
  const ticking = setInterval(() => say(`  … ${Math.round((Date.now() - started) / 1000)} s`), 10_000)
  const options = ['--include=dev', '--include=optional', '--no-audit', '--no-fund', '--no-progress']
  const patience = ['--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000']
  // npm itself must not run under the Node that it is about to replace.
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'))
  const child = spawn('npm', ['ci', ...options, ...patience, '--loglevel=error'], {
    cwd: root,
    env: { ...process.env, PATH: path.join(delimiter), NODE_ENV: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (bytes) => (output += bytes))
  const { code, signal, error } = await exitOf(child)
  clearInterval(ticking)
  if (error) fail(`npm cannot be run (${error.message}). Install it: apt-get install npm`)
  if (signal) fail(`npm was ended by ${signal}; start again.`)
  if (code !== 0) fail(sentenceOf(output))
  if (!existsSync(ourNode)) fail(`There is no Node 24 package for ${process.platform} ${process.arch}.`)
  writeFileSync(stampPath, lockHash())
  say(`Installed in ${Math.round((Date.now() - started) / 1000)} s.`)
}

/** Two starts at once: flock(1) lets one install, and the other finds everything there. */
async function installAlone() {
  const args = [process.execPath, self, 'install']
  const stdio = ['ignore', 'inherit', 'inherit']
  const locked = await exitOf(spawn('flock', [self, ...args], { stdio }))
  const { code, signal } = locked.error ? await exitOf(spawn(args[0], args.slice(1), { stdio })) : locked
  if (signal) process.kill(process.pid, signal)
  if (code !== 0) process.exit(code ?? 1)
}

/** Under our Node already the program goes on in this process; under another it gets one of its own. */
async function run(program, args) {
  const file = join(root, program.file)
  if (!existsSync(file)) fail(`${program.file} is missing from this checkout.`)
  if (!program.stays) process.chdir(root)
  // Compiled code is kept between starts: it halves the time until a program does something.
  process.env.NODE_COMPILE_CACHE ??= join(modules, '.cache', 'node')
  module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE)
  const { version } = JSON.parse(readFileSync(join(nodePackage, 'package.json'), 'utf8'))
  if (process.version === `v${version}`) {
    process.argv.splice(1, process.argv.length, file, ...args)
    await import(pathToFileURL(file).href)
    return
  }
  const child = spawn(ourNode, [file, ...args], { stdio: 'inherit' })
  // A Ctrl-C reaches the whole group from the terminal; a signal sent to us alone is handed on.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  for (const name of ['SIGTERM', 'SIGHUP']) process.on(name, () => child.kill(name))
  const { code, signal, error } = await exitOf(child)
  if (error) fail(`Node cannot be run (${error.message}).`)
  if (!signal) process.exit(code ?? 1)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}

const [word, ...args] = process.argv.slice(2)
// Its test imports this file and starts nothing.
if (process.argv[1] === self) {
  if (Number(process.versions.node.split('.')[0]) < 20)
    fail(`Node ${process.version} is too old: install Node 20 or newer.`)
  if (word === 'install') await install()
  else if (!Object.hasOwn(programs, word ?? ''))
    fail(`"${word ?? ''}" is not one of: ${Object.keys(programs).join(', ')}.`)
  else {
    if (!isInstalled()) await installAlone()
    await run(programs[word], args)
  }
}
