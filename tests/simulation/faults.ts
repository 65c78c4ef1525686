import type { Chance } from './chance.ts'
import type { ClockStep, Span } from './evidence.ts'
import { failpoints } from './failpoints.ts'
import type { Platform } from './platform.ts'

/** What goes wrong, in seeded order. */
export class Faults {
  readonly clockSteps: ClockStep[] = []
  /** When commands were delivered a second time. */
  readonly echoes: Span[] = []
  /** How often each fault was made. */
  readonly made = new Map<string, number>()
  /** No controller is started before this. */
  downUntil = 0
  readonly #platform: Platform
  readonly #chance: Chance
  readonly #nodeNames: readonly string[]
  /** Nodes at whose address another engine answers, and until when. */
  readonly #strange = new Map<string, number>()

  constructor(platform: Platform, chance: Chance, nodeNames: readonly string[]) {
    this.#platform = platform
    this.#chance = chance
    this.#nodeNames = nodeNames
  }

  /** Makes one thing go wrong. */
  async strike(): Promise<void> {
    const { world } = this.#platform
    const chance = this.#chance
    const node = chance.pick(this.#nodeNames)
    const faults: Readonly<Record<string, () => void | Promise<void>>> = {
      'kill at a failpoint': () => this.#arm(true),
      'kill at another failpoint': () => this.#arm(true),
      'database fails': () => this.#arm(false),
      'request fails': () => this.#platform.api.arm(chance.pick(failpoints), false, 0),
      'controller down': () => this.#bringDown(),
      'node silent': () => world.silence(node, chance.between(10, 300) * 1000),
      'node silent for a moment': () => world.silence(node, chance.between(1, 58) * 1000),
      'node clock set': () => this.#setClock(node),
      'node reboots': () => {
        world.reboot(node)
        world.silence(node, chance.between(5, 100) * 1000)
      },
      'other engine answers': () => this.#otherEngine(node),
      'container goes wrong': () => this.#container(),
      'container goes wrong again': () => this.#container(),
      'command lost': () => this.#lose('loseCommand'),
      'reply lost': () => this.#lose('loseReply'),
      'command twice': () => this.#echo(),
    }
    const name = chance.pick(Object.keys(faults))
    this.made.set(name, (this.made.get(name) ?? 0) + 1)
    await faults[name]?.()
  }

  /** What was wrong for a time comes right when that is over. */
  heal(): void {
    const now = this.#platform.clock.now()
    for (const [name, until] of this.#strange) {
      if (until > now) continue
      const node = this.#platform.world.node(name)
      node.engineId = node.engineId.replace(/'+$/, '')
      this.#strange.delete(name)
    }
  }

  /** From now on nothing more goes wrong. */
  calm(): void {
    this.#platform.api.disarm()
    if (this.#platform.isUp) this.#platform.controller.process.disarm()
  }

  #arm(deadly: boolean): void {
    if (!this.#platform.isUp) return
    const after = this.#chance.between(0, 6)
    this.#platform.controller.process.arm(this.#chance.pick(failpoints), deadly, after)
  }

  /** Most often for a moment, as when it is updated; sometimes for minutes. */
  #bringDown(): void {
    const chance = this.#chance
    const seconds = chance.happens(0.5) ? chance.between(1, 50) : chance.between(60, 600)
    this.#platform.kill()
    this.downUntil = this.#platform.clock.now() + seconds * 1000
  }

  #setClock(node: string): void {
    const chance = this.#chance
    const aheadMs = chance.happens(0.3) ? 0 : chance.between(-90_000, 90_000)
    this.clockSteps.push({ at: this.#platform.clock.now(), node })
    this.#platform.world.setClock(node, aheadMs)
  }

  #otherEngine(name: string): void {
    const { world, clock } = this.#platform
    // An empty node would be registered anew, with the engine that answers: then the first one is the
    // stranger.
    const isEmpty = !world.containers().some(({ node, state }) => node === name && state !== 'ended')
    if (isEmpty || this.#strange.has(name)) return
    world.changeEngine(name)
    this.#strange.set(name, clock.now() + this.#chance.between(5, 400) * 1000)
  }

  #container(): void {
    const { world } = this.#platform
    const chance = this.#chance
    const started = world
      .containers()
      .filter(({ startedAt, state }) => startedAt !== null && state !== 'ended')
    if (started.length === 0) return
    const { id, pausedAt } = chance.pick(started)
    if (pausedAt !== null) return world.resume(id)
    const doings = [
      () => world.kill(id, 0),
      () => world.kill(id, 137),
      () => world.kill(id, 1),
      () => world.remove(id),
      () => world.pause(id),
      () => world.restart(id),
    ]
    chance.pick(doings)()
  }

  #lose(what: 'loseCommand' | 'loseReply'): void {
    if (this.#platform.isUp)
      this.#platform.controller.driver[what](this.#chance.pick(['ensure', 'halt', 'remove']))
  }

  async #echo(): Promise<void> {
    if (!this.#platform.isUp) return
    const from = this.#platform.clock.now()
    await this.#platform.controller.wire.echo()
    this.echoes.push({ from, to: this.#platform.clock.now() })
  }
}
