import { createServer } from 'node:net'
import { join } from 'node:path'
import Docker from 'dockerode'
import { systemClock } from '../../kernel/clock.ts'
import { type AllocationId, systemIds } from '../../kernel/ids.ts'
import { conformance } from '../conformance.ts'
import type { Behaviour, Harness } from '../harness.ts'
import { containerName } from './profile.ts'
import { doors, inside, leftOf, makeStage, socketPath } from './stage.ts'

const never = new AbortController().signal
const gib = 1024 ** 3

function commandOf(behaviour: Behaviour): readonly string[] {
  switch (behaviour.does) {
    case 'run':
      return ['sleep', '1000000']
    case 'ignore TERM':
      return ['sh', '-c', 'trap "" TERM; while true; do sleep 1; done']
    case 'exit':
      return ['sh', '-c', `exit ${behaviour.exitCode}`]
    case 'print':
      return ['sh', '-c', `for i in $(seq ${behaviour.lines}); do echo line $i; done; sleep 1000000`]
  }
}

/** An engine's client that loses its voice just before a container is started. */
function clientThatDies(): Docker {
  const client = new Docker({ socketPath })
  const { modem } = client
  const dial = modem.dial.bind(modem)
  modem.dial = (options, callback) => {
    if (options.path.includes('/start')) callback?.(new Error('killed before the start'), null)
    else dial(options, callback ?? (() => undefined))
  }
  return client
}

async function makeHarness(): Promise<Harness> {
  const stage = await makeStage()
  const { docker, node, runtime } = stage
  const silence = createServer()
  const silentSocket = join(stage.folder, 'silent.sock')
  await new Promise<void>((resolve) => silence.listen(silentSocket, resolve))
  const other = systemIds.make('platform')
  const container = (id: AllocationId) => docker.getContainer(containerName(id))
  return {
    ...{ driver: runtime(), node, absentImage: `sha256:${'0'.repeat(64)}` },
    restarted: () => runtime(),
    otherPlatform: () => runtime(socketPath, other),
    dying: () => runtime(clientThatDies()),
    silenced: () => runtime(silentSocket),
    spec: (behaviour, purpose, rest) =>
      purpose === 'attempt'
        ? stage.spec(commandOf(behaviour), rest)
        : stage.spec(behaviour.does === 'run' ? null : commandOf(behaviour), { ...doors, ...rest }),
    behindOurBack: {
      remove: async (id) => container(id).remove({ force: true }),
      pause: async (id) => container(id).pause(),
      resume: async (id) => container(id).unpause(),
      kill: async (id) => container(id).kill({ signal: 'SIGKILL' }),
      restart: async (id) => container(id).restart({ t: 0 }),
    },
    fileInside: (id, name) => inside(stage, id, ['cat', `/run/gpuhour/${name}`]),
    environmentOf: async (id) =>
      JSON.stringify((await container(id).inspect()).Config.Env) + (await inside(stage, id, ['env'])),
    async limitsOf(id) {
      const { HostConfig } = await container(id).inspect()
      const { NanoCpus = 0, Memory = 0, PidsLimit = 0 } = HostConfig
      return { cpus: NanoCpus / 1e9, memoryGib: Memory / gib, pids: PidsLimit }
    },
    left: (id) => leftOf(stage, id),
    pass: (ms) => systemClock.sleep(ms, never),
    async close() {
      silence.close()
      await stage.close()
    },
  }
}

conformance('Docker', makeHarness)
