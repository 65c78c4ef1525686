import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { openCli } from './testing.cli.ts'
import { openVendor, pay } from './testing.payments.ts'
import { testApi } from './testing.ts'

// Adding money from the command line, by the real program against the real API and Stripe's stand-in.

const vendor = await openVendor()
const { skip } = vendor
const api = await testApi(undefined, undefined, vendor.payments)
const cli = await openCli(api)
const { gpuhour } = cli
after(async () => {
  await cli.close()
  await api.close()
  await vendor.close()
})
const params = { organization: api.demo.organization }

/** The person pays the newest payment on Stripe's page, or lets it go. */
async function payNewest(changes: object = {}): Promise<string> {
  const { items } = await api.operator.listPayments({ params })
  const id = items[0]?.id ?? ''
  await pay(api, id, changes)
  return id
}

describe('gpuhour topup', { skip }, () => {
  it('prints the page, waits until it is paid, and says what there is now', async () => {
    const { ended, said } = cli.start(['topup', '20'], api.operatorSecret)
    await said('Pay here: https://checkout.stripe.com/')
    const id = await payNewest()
    const { code, out } = await ended
    assert.deepEqual([code, out], [0, '$20.00 is in the balance\nbalance $30.0000\n'])
    const refund = await gpuhour('refund', id, '5', '--yes')
    assert.match(refund.out, /^\$5\.00 left the wallet/)
    assert.match((await gpuhour('payments')).out, /^pay_\w+\t\S+\t\$20\.00\tpaid\trefund \$5\.00 asked\n/)
    const unasked = await gpuhour('refund', id)
    assert.deepEqual([unasked.code, /no terminal .* \$15\.00, add --yes/.test(unasked.err)], [2, true])
    assert.match((await gpuhour('refund', id, '100', '--yes')).err, /15\.00 USD can still be sent back/)
  })

  it('that is not paid ends with the exit code of money', async () => {
    const { ended, said } = cli.start(['topup', '20', '--json'], api.operatorSecret)
    await said('Pay here: ')
    await payNewest({ payment_status: 'unpaid', status: 'expired', payment_intent: null })
    const { code, out } = await ended
    assert.equal(code, 5)
    const { state }: { state: string } = JSON.parse(out)
    assert.equal(state, 'expired')
  })

  it('with --no-wait is one line; Ctrl-C leaves the page open, and says so', async () => {
    const { code, out } = await gpuhour('topup', '12.50', '--no-wait')
    assert.equal(code, 0)
    assert.match(out, /^https:\/\/checkout\.stripe\.com\/\S+\n$/)
    const { child, ended, said } = cli.start(['topup', '20'], api.operatorSecret)
    await said('Pay here: ')
    child.kill('SIGINT')
    const left = await ended
    assert.equal(left.code, 130)
    assert.match(left.err, /The page stays open until/)
  })

  it('says what is wrong with an amount', async () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['nonsense', /"nonsense" is not an amount/],
      ['-5', /unknown option|not an amount/],
      ['4', /at least 5 units/],
      ['10001', /at most 10000 units/],
      ['20.001', /whole cents/],
    ]
    for (const [amount, line] of cases) {
      const { code, err } = await gpuhour('topup', amount)
      assert.equal(code, 2, amount)
      assert.match(err, line)
    }
  })
})

it('promo codes are made, redeemed once, and ended', async () => {
  const made = await gpuhour('promo-codes', 'create', '10', '--max', '5', '--credit-days', '30')
  assert.equal(made.code, 0, made.err)
  const code = made.out.trim()
  const redeemed = await gpuhour('redeem', code.toLowerCase())
  assert.match(redeemed.out, /^\$10\.00 are in the balance; what is left of it lapses at \S+\n$/)
  assert.equal((await gpuhour('redeem', code)).code, 7)
  const wrong = await gpuhour('redeem', 'NOT-A-CODE')
  assert.deepEqual([wrong.code, /not valid/.test(wrong.err)], [4, true])
  assert.match(
    (await gpuhour('promo-codes')).out,
    new RegExp(`^${code}\t\\$10\\.00\tactive\t1 of 5\tnever\t`),
  )
  assert.equal((await gpuhour('promo-codes', 'rm', code)).code, 2, 'nobody can be asked')
  assert.match((await gpuhour('promo-codes', 'rm', code, '--yes')).out, /can be redeemed no more/)
  const { secret } = await api.person('owner')
  assert.equal((await cli.start(['promo-codes'], secret).ended).code, 3)
})
