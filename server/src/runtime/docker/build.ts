import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Clock } from '../../kernel/clock.ts'
import { AppError } from '../../kernel/errors.ts'
import type {
  BuildProgress,
  BuiltImage,
  ImageBuilder,
  ProofRequest,
  ProofResult,
  Recipe,
} from '../builder.ts'
import { ensureBase } from './base.ts'
import { DockerClient } from './build.client.ts'
import { type HostFacts, shellFileOf } from './build.host.ts'
import { BuildReader, type Step, stepsOf } from './build.progress.ts'
import { prove } from './build.proof.ts'
import { readRecipes } from './build.recipes.ts'

/** What the builder is told of where it works. */
export interface DockerBuilderSettings {
  /** The folder `images`: recipes and what they share. */
  readonly images: string
  /** The engine's socket. */
  readonly socketPath: string
  /** `docker` commands to try, in this order (`usualClients`). */
  readonly clients: readonly string[]
  /** A folder for secrets and archives while they are needed. */
  readonly scratch: string
  /** For the programs that it starts: PATH, HOME. */
  readonly environment: ReadonlyMap<string, string>
  readonly host: HostFacts
  /** May it install `mmdebstrap` from Debian where that is missing? */
  readonly mayInstall: boolean
  readonly clock: Clock
  /** Whose proofs they are, as a label of their containers says. */
  readonly installation: string
}

/** The stage of a parent that others stand on; what changes often comes after it. */
const sharedStage = 'system'

interface Stage {
  readonly recipe: Recipe
  readonly target: string | null
  readonly tag: string
  readonly labels: readonly string[]
}

/** Builds with the engine's BuildKit. What it keeps makes a repeated build take seconds; we keep nothing. */
export class DockerImageBuilder implements ImageBuilder {
  readonly #settings: DockerBuilderSettings
  #found: DockerClient | null = null

  constructor(settings: DockerBuilderSettings) {
    this.#settings = settings
  }

  /** All recipes, each after its parent. */
  async listRecipes(signal: AbortSignal): Promise<readonly Recipe[]> {
    signal.throwIfAborted()
    return readRecipes(this.#settings.images)
  }

  /**
   * Found by labels, which only a finished image has. It is given its tag where a builder was killed before
   * it came to that: anybody's `docker image prune` removes an image that has none.
   */
  async present(recipe: Recipe, signal: AbortSignal): Promise<BuiltImage | null> {
    const client = await this.#client(signal)
    const labels = labelsOf(recipe).map((label) => `--filter=label=${label}`)
    const ids = await client.succeed(['image', 'ls', '--no-trunc', '--quiet', ...labels], signal)
    const imageId = ids.split('\n')[0] ?? ''
    if (imageId === '') return null
    await client.succeed(['tag', imageId, tagOf(recipe)], signal)
    return describe(client, recipe, imageId, signal)
  }

  /** The base, the parent's shared stage, then the image itself; a tag moves only when all of it is there. */
  async build(
    recipe: Recipe,
    onProgress: (progress: BuildProgress) => void,
    signal: AbortSignal,
  ): Promise<BuiltImage> {
    const present = await this.present(recipe, signal)
    if (present !== null) return present
    const client = await this.#client(signal)
    const stages = await this.#stagesOf(recipe, signal)
    const plans = await Promise.all(stages.map((stage) => this.#stepsOf(stage)))
    // One for the base; each build counts its steps and one for writing the image.
    const steps = 1 + plans.reduce((sum, plan) => sum + plan.length + 1, 0)
    const onStep = (title: string) =>
      onProgress({ step: 1, steps, title: `${recipe.name}: ${title}`, bytesDone: null, bytesTotal: null })
    onStep('looking for Debian')
    const settings = { ...this.#settings }
    let base = await ensureBase(client, settings, onStep, signal)
    let before = 1
    let imageId = ''
    for (const [index, stage] of stages.entries()) {
      const plan = plans[index] ?? []
      const reader = new BuildReader(recipe.name, plan, before, steps)
      imageId = await this.#buildStage(client, stage, base, reader, onProgress, signal)
      base = stage.tag
      before += plan.length + 1
    }
    return describe(client, recipe, imageId, signal)
  }

  /** See `images/proofs`. */
  async prove(request: ProofRequest, signal: AbortSignal): Promise<readonly ProofResult[]> {
    return prove(await this.#client(signal), request, this.#settings.installation, signal)
  }

  async #client(signal: AbortSignal): Promise<DockerClient> {
    const { clients, socketPath, environment, host } = this.#settings
    const whole = new Map([...environment, ...host.proxies])
    this.#found ??= await DockerClient.find(clients, socketPath, whole, signal)
    return this.#found
  }

  async #stagesOf(recipe: Recipe, signal: AbortSignal): Promise<readonly Stage[]> {
    const recipes = await this.listRecipes(signal)
    const stages: Stage[] = []
    let parent = recipe.parent
    while (parent !== null) {
      const found = recipes.find(({ name }) => name === parent)
      if (!found) throw new AppError('not_found', `The image recipe "${parent}" is not there.`)
      // Named by what it is made of: platforms of different releases on one engine do not move each other's.
      const tag = `gpuhour/${found.name}-${sharedStage}:${(await this.#sharedDigest(found)).slice(0, 12)}`
      stages.unshift({ recipe: found, target: sharedStage, tag, labels: [] })
      parent = found.parent
    }
    return [...stages, { recipe, target: null, tag: tagOf(recipe), labels: labelsOf(recipe) }]
  }

  async #sharedDigest(recipe: Recipe): Promise<string> {
    const digest = createHash('sha256')
    for (const file of ['Dockerfile', 'requirements.lock'])
      digest.update(await this.#recipeFile(recipe, file))
    return digest.digest('hex')
  }

  #recipeFile(recipe: Recipe, file: string): Promise<string> {
    return readFile(join(this.#settings.images, 'recipes', recipe.name, file), 'utf8')
  }

  async #stepsOf(stage: Stage): Promise<readonly Step[]> {
    return stepsOf(await this.#recipeFile(stage.recipe, 'Dockerfile'), stage.target)
  }

  async #buildStage(
    client: DockerClient,
    stage: Stage,
    base: string,
    reader: BuildReader,
    onProgress: (progress: BuildProgress) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const folder = await mkdtemp(join(this.#settings.scratch, 'gpuhour-build-'))
    try {
      const idFile = join(folder, 'image')
      const args = ['build', '--progress=plain', '--iidfile', idFile, '--build-arg', `BASE_IMAGE=${base}`]
      args.push(...(await this.#secrets(folder)))
      for (const name of this.#settings.host.proxies.keys()) args.push('--build-arg', name)
      for (const label of stage.labels) args.push('--label', label)
      if (stage.target !== null) args.push('--target', stage.target)
      args.push('--file', join('recipes', stage.recipe.name, 'Dockerfile'), '.')
      const onLine = (line: string) => {
        const progress = reader.read(line)
        if (progress !== null) onProgress(progress)
      }
      const { code, complaint } = await client.run({ args, cwd: this.#settings.images, onLine }, signal)
      if (code !== 0) throw failed(stage.recipe, reader.failure() ?? complaint)
      const imageId = (await readFile(idFile, 'utf8')).trim()
      await client.succeed(['tag', imageId, stage.tag], signal)
      return imageId
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  /** Files that only the steps which mount them see, and no layer, history or argument list holds. */
  async #secrets(folder: string): Promise<readonly string[]> {
    const { caBundle, pip } = this.#settings.host
    const secrets: string[] = []
    if (caBundle !== null && existsSync(caBundle)) secrets.push('--secret', `id=ca,src=${caBundle}`)
    if (pip.size > 0) {
      const file = join(folder, 'pip')
      await writeFile(file, shellFileOf(pip), { mode: 0o600 })
      secrets.push('--secret', `id=pip,src=${file}`)
    }
    return secrets
  }
}

function tagOf({ name, version }: Recipe): string {
  return `gpuhour/${name}:${version}`
}

function labelsOf(recipe: Recipe): readonly string[] {
  return [
    `gpuhour.recipe=${recipe.name}`,
    `gpuhour.version=${recipe.version}`,
    `gpuhour.source=${recipe.sourceDigest}`,
  ]
}

async function describe(
  client: DockerClient,
  recipe: Recipe,
  imageId: string,
  signal: AbortSignal,
): Promise<BuiltImage> {
  const size = await client.succeed(['image', 'inspect', '--format', '{{.Size}}', imageId], signal)
  const { name, version, sourceDigest } = recipe
  return { recipe: name, version, sourceDigest, imageId, sizeBytes: Number(size) }
}

function failed(recipe: Recipe, log: string): AppError {
  const last = log.trim().split('\n').at(-1) ?? ''
  const name = `${recipe.name}:${recipe.version}`
  return new AppError(
    'unavailable',
    `The image ${name} could not be built: ${last}. It will be tried again.`,
    { log },
  )
}
