import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { after as afterAll, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { verifyBill } from '../../../sdk/src/verifier/verifier.ts'
import { sha256Hex } from '../kernel/ids.ts'
import { ObjectError, type ObjectStore, objectKey } from '../objects/objects.ts'
import { makeInvoicer } from '../loops/invoicer.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { madeInvoice } from './made_invoice.ts'
import { invoicePaper, paperText } from './paper.rules.ts'
import { paperPdf } from './paper.ts'
import { papersOf, unwritten } from './papers.ts'
import { buy, story, type Told, until } from './testing.invoices.ts'

let keptOpen: TestDatabase
before(async () => {
  keptOpen = await testDatabase()
})
afterAll(() => keptOpen.drop())

const signal = new AbortController().signal

describe('a paper', () => {
  for (const language of ['en', 'zh'] as const) {
    it(`says in ${language} what it always said`, async () => {
      const golden = await readFile(new URL(`invoice.golden.${language}.txt`, import.meta.url), 'utf8')
      assert.equal(paperText(invoicePaper(madeInvoice(), language)), golden)
    })

    it(`is the same file in ${language}, in whatever process it is made`, async () => {
      const here = sha256Hex(await paperPdf(invoicePaper(madeInvoice(), language)))
      const script = `
        import { paperPdf } from ${sourceOf('paper.ts')}
        import { invoicePaper } from ${sourceOf('paper.rules.ts')}
        import { madeInvoice } from ${sourceOf('made_invoice.ts')}
        process.stdout.write(await paperPdf(invoicePaper(madeInvoice(), ${JSON.stringify(language)})))`
      const there = await outputOf(script)
      assert.equal(sha256Hex(there), here)
      assert.match(there.subarray(0, 8).toString('latin1'), /^%PDF-1\.\d/)
      // Its fonts are in it, cut to what is used.
      assert.ok(there.length > 10_000 && there.length < 100_000, `${there.length} bytes`)
      assert.match(there.toString('latin1'), /\/FontFile2/)
    })
  }

  it('of four hundred lines goes on over the pages, each with its number', async () => {
    const made = madeInvoice()
    const [first] = made.lines
    assert.ok(first)
    const lines = Array.from({ length: 400 }, (_, index) => ({ ...first, position: index + 1 }))
    const pdf = Buffer.from(await paperPdf(invoicePaper({ ...made, lines }, 'en')))
    assert.equal([...pdf.toString('latin1').matchAll(/\/Type \/Page\b(?!s)/g)].length, 23)
  })
})

/** A file beside this one, for a script. */
function sourceOf(path: string): string {
  return JSON.stringify(fileURLToPath(new URL(path, import.meta.url)))
}

function outputOf(script: string): Promise<Buffer> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script])
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  return new Promise((resolve) => child.once('close', () => resolve(Buffer.concat(chunks))))
}

const lateNovember = { start: '2026-11-30T22:00:00.000Z' }

async function aMonthIsOver({ stage }: Told): Promise<void> {
  await buy(stage, 100_000_000_000n)
  await stage.createVolume(1000)
  await until(stage, '2026-12-01T01:00:00.000Z')
}

async function read(objects: ObjectStore, organization: string, name: string): Promise<Buffer> {
  const bytes = await objects.get(objectKey('invoices', organization, name), signal)
  assert.ok(bytes, name)
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks)
}

describe('what was issued', () => {
  story('lies in the store, in both languages and with its open bill', lateNovember, async (told) => {
    const { stage, objects, invoiceIt, invoices } = told
    await aMonthIsOver(told)
    assert.equal((await invoiceIt())['papers'], 3)
    const [issued] = await invoices()
    assert.ok(issued)
    const papers = (await stage.store.read((tx) => papersOf(tx, [issued.id]))).get(issued.id) ?? []
    for (const { name, sha256, sizeBytes } of papers) {
      const bytes = await read(objects, stage.organization, `INV-000001.${name}`)
      assert.deepEqual([sha256Hex(bytes), BigInt(bytes.length)], [sha256, sizeBytes])
    }
    assert.deepEqual(
      papers.map(({ name }) => name),
      ['bill.json', 'en.pdf', 'zh.pdf'],
    )
    assert.equal(papers[0]?.sha256, issued.billSha256, 'the digest on the paper is that of the file')
    const verdict = await verifyBill(await read(objects, stage.organization, 'INV-000001.bill.json'))
    assert.ok('verified' in verdict && verdict.verified)
    assert.equal(verdict.total, String(issued.exact))
    assert.equal((await invoiceIt())['papers'], 0)
  })

  /** A store that ends the process, as it were, before or after the so-manieth put. */
  const failing = (objects: ObjectStore, at: number, moment: 'before' | 'after'): ObjectStore => {
    let puts = 0
    return {
      get: (...asked) => objects.get(...asked),
      stat: (...asked) => objects.stat(...asked),
      list: (...asked) => objects.list(...asked),
      remove: (...asked) => objects.remove(...asked),
      put: async (...asked) => {
        puts += 1
        if (puts >= at && moment === 'before') throw new ObjectError('unavailable', 'killed')
        const done = await objects.put(...asked)
        if (puts >= at) throw new ObjectError('unavailable', 'killed')
        return done
      },
    }
  }

  for (const moment of ['before', 'after'] as const)
    for (const at of [1, 2, 3])
      story(
        `survives an end ${moment} its paper ${at} is stored: the same number goes on`,
        lateNovember,
        async (told) => {
          const { stage, objects, invoiceIt, invoices } = told
          await aMonthIsOver(told)
          const pass = makeInvoicer(stage.store, failing(objects, at, moment)).pass(signal)
          await assert.rejects(pass, /killed/)
          const [before] = await invoices()
          assert.equal(before?.number, 'INV-000001')
          const left = await stage.store.read((tx) => unwritten(tx))
          assert.equal(left.length, 4 - at)
          await invoiceIt()
          assert.deepEqual(await stage.store.read((tx) => unwritten(tx)), [])
          assert.deepEqual(await invoices(), [before])
        },
      )
})
