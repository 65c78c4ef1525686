import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { root } from '../../tools/sources.ts'

// Debian's Chromium as a person has it; the switches say only that there is no desktop and no internet.

const browserPath = '/usr/bin/chromium'

/** Why the browser's tests cannot run here; false where they can. */
export const whyNoBrowser: string | false = existsSync(browserPath) ? false : `there is no ${browserPath}`

/** Nothing that reaches out by itself, or that a test machine lacks. */
const switches = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: browserPath, args: switches })
}

/** Types an address; Chromium gives up what is under way when some container brings or takes a network. */
export async function visit(page: Page, url: string): Promise<void> {
  for (let left = 5; ; left -= 1) {
    try {
      return void (await page.goto(url))
    } catch (error) {
      if (left === 0 || !/NETWORK_CHANGED/.test(String(error))) throw error
    }
  }
}

/** Does one thing; when it fails, the error says what every page showed. */
export async function seeing<T>(pages: () => readonly Page[], what: () => Promise<T>): Promise<T> {
  try {
    return await what()
  } catch (error) {
    const folder = mkdtempSync(join(tmpdir(), 'gpuhour-seen-'))
    const shown: string[] = []
    for (const [index, page] of pages().entries()) {
      const path = join(folder, `${index}.png`)
      await page.screenshot({ path, timeout: 5_000 }).catch(() => {})
      const text = await page.locator('body').innerText({ timeout: 2_000 }).catch(String)
      shown.push(`--- ${page.url()} (${path})\n${text.slice(0, 3_000)}`)
    }
    throw new Error(`${String(error)}\n${shown.join('\n')}`, { cause: error })
  }
}

const axe = readFileSync(join(root, 'node_modules/axe-core/axe.min.js'), 'utf8')

interface Violation {
  readonly id: string
  readonly impact: string
  readonly help: string
  readonly nodes: readonly { readonly html: string }[]
}

/** What axe-core finds serious on the page, in words. */
export async function seriousFindings(page: Page, name: string): Promise<readonly string[]> {
  await page.evaluate(axe)
  // Of what axe.run resolves to only this much is read.
  const found = await page.evaluate<Violation[]>('axe.run().then(({ violations }) => violations)')
  const serious = found.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  return serious.map(
    ({ id, help, nodes }) => `${name}: ${id}: ${help}\n  ${nodes.map(({ html }) => html).join('\n  ')}`,
  )
}
