import { allHelp } from './program.ts'

// `node cli/src/help.ts > cli/src/help.golden.txt` rewrites the golden file of the CLI's help.
process.stdout.write(await allHelp())
