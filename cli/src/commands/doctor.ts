import type { Doctor } from '@gpuhour/sdk/contract'
import type { CommandSpec } from '../command.ts'
import type { Context } from '../context.ts'
import { ago } from '../shown.ts'

function sayDoctor(context: Context, doctor: Doctor): void {
  context.print(
    `gpuhour ${doctor.version}: ${doctor.verdict === 'well' ? 'all is well' : 'something needs attention'}`,
  )
  for (const { name, ok, found, todo } of doctor.checks)
    context.print(`  ${ok ? '✓' : '✗'} ${name}: ${found}${todo ? ` → ${todo}` : ''}`)
  for (const node of doctor.nodes) {
    const gpus = node.devices.length === 0 ? 'no GPU' : `${node.devices.length} × ${node.devices[0]?.model}`
    const driver = node.gpuDriver ? `, NVIDIA driver ${node.gpuDriver}` : ''
    const shape = `${node.cpus} CPUs, ${node.memoryGib} GiB memory, ${node.diskGib} GiB disk`
    const state = `${node.driver}, ${node.status}, seen ${ago(node.seenAt)}`
    context.print(`node ${node.name} (${state}): ${shape}, ${gpus}${driver}`)
    for (const missing of node.missing) context.print(`  cannot promise: ${missing}`)
  }
  for (const { name, lastError, counts } of doctor.loops) {
    const figures = Object.entries(counts).map(([key, count]) => `${key} ${count}`)
    context.print(`loop ${name}: ${lastError ? `FAILS: ${lastError}` : 'passes'} (${figures.join(', ')})`)
  }
  for (const { at, subject, event, state, detail } of doctor.anomalies)
    context.print(`anomaly at ${at}: ${event} of ${subject} in ${state} ${detail}`)
  for (const { name, value, meaning } of doctor.configuration)
    context.print(`${name}=${value}   # ${meaning}`)
}

export const command: CommandSpec = {
  name: 'doctor',
  summary: 'facts for the operator: checks, machines, promises they cannot keep, loops, configuration',
  async run(context) {
    const doctor = await context.client().getDoctor()
    if (context.isJson) context.printJson(doctor)
    else sayDoctor(context, doctor)
  },
}
