#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

// What was compiled once is not compiled again: a listing is there before one would look up. In a folder of
// the person's own: Node's default is one below /tmp, where anybody could leave code for us.
enableCompileCache(join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'gpuhour'))

// Whoever reads us may stop reading: `gpuhour ls | head -1` is no fault.
process.stdout.on('error', (error) => {
  if ('code' in error && error.code === 'EPIPE') process.exit(0)
  throw error
})

const { main } = await import('./program.ts')
process.exitCode = await main(process.argv.slice(2))
