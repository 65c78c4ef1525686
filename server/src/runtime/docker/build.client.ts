import { AppError } from '../../kernel/errors.ts'
import { type Command, type Outcome, run, succeed } from './build.command.ts'

/** Where a fitting `docker` command is looked for: beside Debian's engine first, then along the PATH. */
export const usualClients: readonly string[] = ['/usr/bin/docker', 'docker', '/usr/local/bin/docker']

/** From this version on, the client builds through a plugin that is installed separately. */
const firstVersionWithoutBuilder = 23

/** The engine, by its command line: builds need BuildKit's session protocol, which the HTTP client lacks. */
export class DockerClient {
  readonly #program: string
  readonly #environment: ReadonlyMap<string, string>

  private constructor(program: string, environment: ReadonlyMap<string, string>) {
    this.#program = program
    this.#environment = environment
  }

  /**
   * The first of `programs` that can build on the engine behind `socketPath` (BuildKit inside, or its plugin
   * there). Throws `unavailable`, saying what was tried.
   */
  static async find(
    programs: readonly string[],
    socketPath: string,
    inherited: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<DockerClient> {
    const environment = new Map(inherited)
      .set('DOCKER_HOST', `unix://${socketPath}`)
      .set('DOCKER_BUILDKIT', '1')
    const tried: string[] = []
    for (const program of programs) {
      const flaw = await flawOf(program, environment, signal)
      if (flaw === null) return new DockerClient(program, environment)
      tried.push(`${program}: ${flaw}`)
    }
    const reasons = tried.join('; ')
    throw new AppError(
      'unavailable',
      `No docker command here can build images (${reasons}). Install docker.io.`,
    )
  }

  /** Runs `docker …` to its end, however it ends. */
  run(command: Omit<Command, 'program'>, signal: AbortSignal): Promise<Outcome> {
    return run({ ...command, program: this.#program }, this.#environment, signal)
  }

  /** Runs `docker …`, which has to succeed; gives what it printed. */
  succeed(args: readonly string[], signal: AbortSignal): Promise<string> {
    return succeed({ program: this.#program, args }, this.#environment, signal)
  }
}

async function flawOf(
  program: string,
  environment: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<string | null> {
  const asked = { program, args: ['version', '--format', '{{.Client.Version}} {{.Server.Version}}'] }
  const version = await run(asked, environment, signal).catch((error: unknown) => {
    if (signal.aborted) throw error
    return null
  })
  if (version === null) return 'not there'
  if (version.code !== 0) return version.complaint.trim().split('\n').at(-1) ?? 'the engine does not answer'
  if (Number.parseInt(version.stdout, 10) < firstVersionWithoutBuilder) return null
  const plugin = await run({ program, args: ['buildx', 'version'] }, environment, signal)
  return plugin.code === 0 ? null : 'has no buildx plugin'
}
