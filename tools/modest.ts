import { setPriority } from 'node:os'
import { modestPriority } from './plan.ts'

// Preloaded into test files that need nothing but processors: they, and what they start, take what the others
// leave.
setPriority(modestPriority)
