import { loadConfig } from './config.ts'
import { runUntilStopped } from './run.ts'

// `npm start`: starts the platform, watches it, and ends it in order.

await runUntilStopped({ config: loadConfig })
