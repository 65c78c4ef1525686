#!/usr/bin/env node
import { main } from './program.ts'

// Whoever reads us may stop reading: `gpuhour ls | head -1` is no fault.
process.stdout.on('error', (error) => {
  if ('code' in error && error.code === 'EPIPE') process.exit(0)
  throw error
})

process.exitCode = await main(process.argv.slice(2))
