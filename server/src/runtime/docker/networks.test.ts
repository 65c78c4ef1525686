import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chooseSubnet, formatRange, overlap, parseRange, parseRoutes } from './networks.ts'

const range = (text: string) => parseRange(text) ?? assert.fail(`${text} is a range`)

describe('ranges of addresses', () => {
  it('are read and written', () => {
    for (const [text, written] of [
      ['10.213.0.0/16', '10.213.0.0/16'],
      ['192.168.1.77/24', '192.168.1.0/24'],
      ['255.255.255.255', '255.255.255.255/32'],
      ['0.0.0.0/0', '0.0.0.0/0'],
    ] as const) {
      assert.equal(formatRange(range(text)), written)
    }
    for (const text of ['', '10.0.0', '10.0.0.256', '10.0.0.0/33', 'fd00::/8'])
      assert.equal(parseRange(text), null)
  })

  it('overlap where they have an address in common', () => {
    const cases = [
      ['10.213.0.0/28', '10.213.0.0/16', true],
      ['10.213.0.0/28', '10.213.0.16/28', false],
      ['10.213.0.15', '10.213.0.0/28', true],
      ['0.0.0.0/0', '203.0.113.1', true],
    ] as const
    for (const [a, b, expected] of cases) {
      assert.equal(overlap(range(a), range(b)), expected, `${a} ${b}`)
      assert.equal(overlap(range(b), range(a)), expected, `${b} ${a}`)
    }
  })
})

describe('choosing a subnet', () => {
  const all = range('10.213.0.0/24')

  it('skips what is taken, until nothing is left', () => {
    const taken = [range('10.213.0.0/25')]
    const chosen = new Set<string>()
    for (;;) {
      const subnet = chooseSubnet(all, taken, 'seed')
      if (!subnet) break
      assert.ok(overlap(subnet, all) && !overlap(subnet, range('10.213.0.0/25')))
      chosen.add(formatRange(subnet))
      taken.push(subnet)
    }
    assert.equal(chosen.size, 8)
  })

  it('begins elsewhere for another seed', () => {
    const wide = range('10.213.0.0/16')
    const chosen = new Set(['a', 'b', 'c', 'd'].map((seed) => JSON.stringify(chooseSubnet(wide, [], seed))))
    assert.ok(chosen.size > 1)
  })

  it('knows the routes of the machine but not the default one', () => {
    const table = [
      'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
      'eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0',
      'docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0',
      '',
    ].join('\n')
    assert.deepEqual(parseRoutes(table).map(formatRange), ['172.17.0.0/16'])
  })
})
