import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chainsOf, resolversOf, rulesOf, rulesOf6 } from './firewall.ts'
import { bridgeName, bridgePrefix } from './profile.ts'

const installation = 'plt_01'

describe('firewall rules', () => {
  it('fit the lengths that the kernel allows', () => {
    const { forward, input } = chainsOf(installation)
    assert.ok(forward.length <= 28 && input.length <= 28)
    assert.ok(bridgeName(installation, 'alo_01').startsWith(bridgePrefix(installation)))
    assert.equal(bridgeName(installation, 'alo_01').length, 15)
  })

  it('let answers and questions for names pass, before anything is closed', () => {
    const lines = rulesOf(installation, ['10.255.255.53']).split('\n')
    const at = (part: string) => lines.findIndex((line) => line.includes(part))
    assert.ok(at('ESTABLISHED') < at('10.255.255.53') && at('10.255.255.53') < at('-d 10.0.0.0/8'))
    assert.ok(at('169.254.0.0/16') > 0 && at('25,465,587') > 0)
    assert.equal(lines.filter((line) => line.startsWith('-A') && line.endsWith('-j DROP')).length, 2)
  })

  it('let nothing of IPv6 pass', () => {
    assert.equal(rulesOf6(installation).match(/-j DROP/g)?.length, 2)
  })

  it('know the resolvers that a container asks by itself', () => {
    const text =
      '# by hand\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nnameserver fd00::1\n nameserver 9.9.9.9\n'
    assert.deepEqual(resolversOf(text), ['10.0.0.2', '9.9.9.9'])
  })
})
