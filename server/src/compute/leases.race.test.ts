import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Machine, Stage } from '../billing/testing.ts'

/**
 * Does all of it, as many at a time as there are connections: more would only wait for one, and not for ever.
 */
async function race(tasks: readonly (() => Promise<unknown>)[]): Promise<void> {
  const waiting = [...tasks]
  const work = async (): Promise<void> => {
    for (let task = waiting.shift(); task; task = waiting.shift()) await task()
  }
  await Promise.all(Array.from({ length: 20 }, work))
}

describe('racing launches', () => {
  it('five hundred on a wallet of exactly seven ten-minute holds: exactly seven start', async () => {
    const stage = await Stage.open()
    try {
      await stage.publish({ 'gpu.h100': 2_990_000_000n })
      await stage.grant(7n * 498_333_333n)
      const lines = [{ sku: 'gpu.h100', quantity: 1 }]
      const launched: Awaited<ReturnType<Stage['launch']>>[] = []
      const launch = async (): Promise<void> => void launched.push(await stage.launch(lines))
      await race(Array.from({ length: 500 }, () => launch))
      assert.equal(launched.length, 500)
      assert.equal(launched.filter((one) => 'lease' in one).length, 7)
      for (const one of launched) if ('shortfall' in one) assert.equal(one.shortfall, 49_833_333n)
      const { available, held } = await stage.balance()
      assert.deepEqual([available, held], [0n, 7n * 498_333_333n])
      await stage.audit()
    } finally {
      await stage.close()
    }
  })

  it('stops, settlements and extensions at once: all get through, nothing is booked twice', async () => {
    const stage = await Stage.open()
    try {
      await stage.publish({ 'gpu.h100': 3_600_000_000n })
      await stage.grant(1_000_000_000_000n)
      const lines = [{ sku: 'gpu.h100', quantity: 1 }]
      const from = stage.now()
      const machines = await Promise.all(Array.from({ length: 30 }, () => stage.run(lines)))
      stage.skip(301_000)
      await stage.look()
      const stop = (machine: Machine) => () => stage.tell(machine, 'stop_accepted')
      await race(machines.flatMap((machine) => [stop(machine), () => stage.meter(), () => stage.keep()]))
      stage.skip(1)
      await stage.meter()
      for (const { allocation } of machines) assert.equal(await stage.charged(allocation), 301_000_000n)
      assert.equal((await stage.balance()).held, 0n)
      await stage.audit()
      await stage.verified(from)
    } finally {
      await stage.close()
    }
  })
})
