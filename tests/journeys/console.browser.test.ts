import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { openBrowser, seriousFindings, seeing, visit, whyNoBrowser } from './browser.ts'
import { JourneyPlatform } from './platform.ts'
import { Person } from './shell.ts'

// A person with a browser and the link of `npm start`: launch, draw a plot, stop, come back, read the bill.

const image = 'pytorch-cuda:2.9'
const name = 'plot-lab'
/** A start takes seconds; on a machine that does other things, some more. */
const startMsMax = 120_000

const cell = [
  'import torch, matplotlib.pyplot as plt',
  'x = torch.linspace(0, 6.28, 200)',
  'plt.plot(x, torch.sin(x))',
  'plt.title(f"torch {torch.__version__}"); plt.show()',
].join('\n')

describe('a person with a browser', { skip: whyNoBrowser }, () => {
  let platform: JourneyPlatform
  let link: string
  let address: string
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let lab: Page
  const faults: string[] = []
  const findings: string[] = []

  before(async () => {
    platform = await JourneyPlatform.open()
    const owner = new Person(platform)
    await owner.login()
    await platform.untilOffered(owner, image)
    // Each start prints a link of its own: another test may have used the first.
    await platform.interrupt()
    await platform.start()
    link = platform.loginLink()
    address = (await platform.record()).console
    browser = await openBrowser()
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
    context.setDefaultTimeout(30_000)
    context.on('weberror', (fault) => faults.push(fault.error().stack ?? String(fault.error())))
    page = await context.newPage()
  })
  after(async () => {
    await browser?.close()
    await platform?.close()
  })

  const step = (what: string, body: () => Promise<void>): void =>
    void test(what, () => seeing(() => context.pages(), body))

  const look = async (what: string): Promise<void> => {
    findings.push(...(await seriousFindings(page, what)))
  }

  const state = (text: string): Promise<void> =>
    page.getByRole('main').getByText(text, { exact: true }).first().waitFor({ timeout: startMsMax })

  const openLab = async (): Promise<Page> => {
    const opened = context.waitForEvent('page')
    await page.getByRole('button', { name: 'Open JupyterLab' }).click()
    const tab = await opened
    await tab.getByRole('menuitem', { name: 'File', exact: true }).waitFor({ timeout: 60_000 })
    return tab
  }

  step('without a session there is only the way to sign in', async () => {
    await visit(page, `${address}/instances`)
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await page.getByText('You sign in with a one-time link').waitFor()
    assert.equal(await page.getByRole('navigation').count(), 0)
    await look('sign-in')
  })

  step('the link of npm start signs in, once', async () => {
    await visit(page, link)
    await page.getByRole('heading', { name: 'Home' }).waitFor()
    assert.ok(!page.url().includes('#'), `the address still holds the token: ${page.url()}`)
    await page.getByText('No instances yet').waitFor()
    await look('home')
    const other = await (await browser.newContext()).newPage()
    await visit(other, link)
    await other.getByRole('alert').getByText('This link was used already, or is too old').waitFor()
    await other.context().close()
  })

  step('the wizard: image, flavor, storage, name, and the price before', async () => {
    await page.getByRole('link', { name: 'Launch' }).first().click()
    await page.getByRole('heading', { name: 'Launch an instance' }).waitFor()
    await page.getByRole('radio', { name: image }).click()
    await page.getByRole('radio', { name: 'cpu.1x4' }).click()
    await page.getByLabel('Size of the home').fill('2')
    await page.getByLabel('Name of the instance').fill(name)
    await page.getByText('Per hour stopped').waitFor()
    await look('launch')
    await page.getByRole('button', { name: 'Launch', exact: true }).click()
    await page.getByRole('heading', { name }).waitFor()
  })

  step('the ladder, each rung free or paid, until it is ready', async () => {
    await page.getByRole('list', { name: 'Steps of the start' }).getByText('Ready').waitFor()
    await state('running')
    await page.getByText('running: paid by the second').waitFor()
    await look('instance')
  })

  step('JupyterLab opens on a host of its own, without a token or code in the address', async () => {
    lab = await openLab()
    const { hostname, search, hash } = new URL(lab.url())
    assert.match(hostname, /^ins-[0-9a-z]+--8888\.apps\.localhost$/)
    assert.equal(search + hash, '')
    assert.ok(!/token["']?\s*[:=]\s*["'][0-9a-f]{8}/i.test(await lab.content()), 'a token stands in the page')
  })

  step('a cell imports torch and draws: the plot is there', async () => {
    await lab
      .getByRole('button', { name: /^Python 3/ })
      .first()
      .click()
    await lab.getByRole('tab', { name: 'Untitled.ipynb' }).waitFor()
    // JupyterLab drops what is run before its kernel is there; its status bar tells.
    await lab.getByText('Python 3 (ipykernel) | Idle').waitFor({ timeout: 60_000 })
    const cells = lab.getByRole('feed', { name: 'Cells' })
    await cells.getByRole('textbox').first().click()
    await lab.keyboard.insertText(cell)
    await lab.keyboard.press('Shift+Enter')
    await cells.getByRole('img').waitFor({ timeout: 90_000 })
    await lab.keyboard.press('Control+s')
    await lab.getByRole('textbox', { name: 'File name' }).fill('plot.ipynb')
    await lab.getByRole('button', { name: 'Rename and Save' }).click()
    await lab.getByRole('tab', { name: 'plot.ipynb' }).waitFor()
  })

  step('somebody else, with the address and without a session, gets nothing', async () => {
    const other = await (await browser.newContext()).newPage()
    await visit(other, `${new URL(lab.url()).origin}/lab`)
    assert.equal(await other.getByRole('menuitem').count(), 0)
    const answer = await other.goto(`${new URL(lab.url()).origin}/api/contents/plot.ipynb`)
    assert.ok((answer?.status() ?? 0) >= 400, `answered ${answer?.status()}`)
    await other.context().close()
  })

  step('stop says what is kept and what it costs, and stops', async () => {
    await page.bringToFront()
    await page.getByRole('button', { name: 'Stop', exact: true }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('Stopping costs nothing').waitFor()
    await dialog.getByRole('button', { name: 'Stop it' }).click()
    await state('stopped')
    await page.getByText('not running: free but for the storage').waitFor()
  })

  step('started again, the notebook is still there with its plot', async () => {
    await lab.close()
    await page.getByRole('button', { name: 'Start', exact: true }).click()
    await state('running')
    lab = await openLab()
    await lab.getByRole('listitem', { name: /plot\.ipynb/ }).dblclick()
    await lab.getByRole('feed', { name: 'Cells' }).getByRole('img').waitFor({ timeout: 60_000 })
    await lab.close()
  })

  step('in 中文, and back', async () => {
    await page.getByRole('button', { name: '中文' }).click()
    await page.getByRole('link', { name: '首页' }).first().click()
    await page.getByRole('heading', { name: '首页' }).waitFor()
    assert.match((await page.locator('html').getAttribute('lang')) ?? '', /^zh/)
    await page.reload()
    await page.getByRole('heading', { name: '首页' }).waitFor()
    await page.getByRole('button', { name: 'English' }).click()
    await page.getByRole('heading', { name: 'Home' }).waitFor()
  })

  step('the statement has the charge; this browser recomputes the bill', async () => {
    await page.getByRole('link', { name: 'Billing' }).click()
    const row = page.getByRole('table', { name: 'Statement' }).getByRole('row', { name }).first()
    await row.waitFor()
    assert.match(await row.innerText(), /cpu|volume/)
    await look('billing')
    await page.getByRole('link', { name: 'Open bill' }).click()
    await page.getByRole('button', { name: 'Verify this bill' }).click()
    await page.getByRole('status').getByText('to the last nano').waitFor()
    await look('open bill')
  })

  step('every page can be read by everybody, in light and dark', async () => {
    for (const scheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme: scheme })
      for (const there of ['Home', 'Instances', 'Runs', 'Images', 'Volumes', 'Billing', 'Keys', 'Operator']) {
        await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: there }).click()
        await page.getByRole('heading', { level: 1 }).waitFor()
        await page.waitForLoadState('networkidle').catch(() => {})
        await look(`${there}, ${scheme}`)
      }
    }
    assert.equal(findings.length, 0, findings.join('\n'))
  })

  step('signed out, the pages are closed again', async () => {
    await page.getByRole('button', { name: /sign out/ }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await visit(page, `${address}/billing`)
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    const ours = faults.filter((fault) => fault.includes(new URL(address).host))
    assert.deepEqual(ours, [], 'faults of our pages')
  })
})
