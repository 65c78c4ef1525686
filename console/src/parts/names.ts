/**
 * Names that appear in host names; the same rule as the contract's `name`, which is not imported so that zod
 * stays out of the browser. A test compares the two.
 */
const namePattern = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/

/** The longest name, for fields: what is longer was never meant to be one. */
export const nameLengthMax = 40

/** May a thing be called so? */
export function isName(text: string): boolean {
  return namePattern.test(text)
}

/** A name nobody has to think about: the image's, and the first number that is free. */
export function freeName(image: string, taken: ReadonlySet<string>): string {
  const base =
    (image.split(':')[0] ?? '')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^[^a-z]+|-+$/g, '')
      .slice(0, 30)
      .replace(/-+$/, '') || 'instance'
  for (let number = 1; ; number += 1) {
    const name = `${base}-${number}`
    if (!taken.has(name)) return name
  }
}
