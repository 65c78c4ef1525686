import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { z } from 'zod'
import { AppError, messageOf } from '../../kernel/errors.ts'
import type { Recipe } from '../builder.ts'

const wording = z.strictObject({ en: z.string().min(1), zh: z.string().min(1) })

/** `image.json` of a recipe. */
const description = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/),
  version: z.string().regex(/^[0-9][0-9a-z.-]{0,30}$/),
  contract: z.literal(1),
  title: wording,
  description: wording,
  publisher: z.string().min(1),
  licences: wording,
  needs: z.strictObject({
    cuda: z.string().nullable(),
    driver: z.string().nullable(),
    gpuArchitectures: z.array(z.string()),
    diskGib: z.int().positive(),
  }),
  parent: z.string().nullable(),
  sources: z.array(z.enum(['guest', 'proofs', 'templates'])),
  imports: z.array(z.string()),
  proofs: z.array(z.string().regex(/^[a-z]+$/)),
})

/** Files that people read and no image holds, and what programs leave behind. */
const notASource = [
  /(^|\/)(__pycache__|\.ipynb_checkpoints)\//,
  /^(recipes\/[^/]+|guest|proofs)\/README\.md$/,
  /^recipes\/[^/]+\/requirements\.in$/,
]

/**
 * The recipes below `folder` (`images`), each after its parent. The digest of a recipe covers its own folder,
 * the shared folders that it names, and its parent's Dockerfile and lock: file names and contents, not modes
 * or times.
 */
export async function readRecipes(folder: string): Promise<readonly Recipe[]> {
  const names = (await readdir(join(folder, 'recipes'), { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
  const read = await Promise.all(names.map((name) => readRecipe(folder, name)))
  return inOrder(read)
}

async function readRecipe(folder: string, name: string): Promise<Recipe> {
  const file = join(folder, 'recipes', name, 'image.json')
  try {
    const { sources, imports: _, ...told } = description.parse(JSON.parse(await readFile(file, 'utf8')))
    if (told.name !== name) throw new Error(`it names "${told.name}", its folder "${name}"`)
    const parent = told.parent === null ? [] : parentSources(told.parent)
    const files = await Promise.all(
      [join('recipes', name), ...sources].map((place) => filesBelow(join(folder, place))),
    )
    const paths = [
      ...files.flat(),
      ...parent.map((place) => join(folder, place)),
      join(folder, '.dockerignore'),
    ]
    return { ...told, sourceDigest: await digestOf(folder, paths) }
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error)
    throw new AppError('invalid_request', `The image recipe "${name}" cannot be read: ${reason}`, { file })
  }
}

function parentSources(parent: string): readonly string[] {
  return ['Dockerfile', 'requirements.lock'].map((file) => join('recipes', parent, file))
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

async function digestOf(root: string, paths: readonly string[]): Promise<string> {
  const whole = createHash('sha256')
  const named = paths.map((path) => ({ path, name: relative(root, path).split(sep).join('/') }))
  for (const { path, name } of named.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (notASource.some((pattern) => pattern.test(name))) continue
    const content = createHash('sha256')
      .update(await readFile(path))
      .digest('hex')
    whole.update(`${name}\0${content}\n`)
  }
  return whole.digest('hex')
}

function inOrder(recipes: readonly Recipe[]): readonly Recipe[] {
  const placed: Recipe[] = []
  let left = [...recipes]
  while (left.length > 0) {
    const ready = left.filter(({ parent }) => parent === null || placed.some(({ name }) => name === parent))
    if (ready.length === 0) {
      const names = left.map(({ name }) => `"${name}"`).join(', ')
      throw new AppError('invalid_request', `These image recipes stand on none that is there: ${names}.`)
    }
    placed.push(...ready)
    left = left.filter((recipe) => !ready.includes(recipe))
  }
  return placed
}
