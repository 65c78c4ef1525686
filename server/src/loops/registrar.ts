import * as placement from '../placement/placement.ts'
import type { RuntimeDriver } from '../runtime/driver.ts'
import type { Store } from '../store/store.ts'
import type { Loop, PassReport } from './loop.ts'

/** Writes down which machines and devices a driver sees, and offers the flavors that follow. */
export function makeRegistrar(store: Store, driver: RuntimeDriver): Loop {
  return {
    name: 'registrar',
    everyMs: 60_000,
    async pass(signal): Promise<PassReport> {
      const facts = await driver.inventory(signal)
      await store.transact((tx) => placement.registerNodes(tx, driver.name, facts))
      return { nodes: facts.length, devices: facts.reduce((sum, { devices }) => sum + devices.length, 0) }
    },
  }
}
