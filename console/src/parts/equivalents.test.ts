import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contract } from '@gpuhour/sdk/contract'
import { makeId } from '@gpuhour/sdk/client'
import { asCommand, asRequest, sshLine } from './equivalents.ts'

const asked = { name: 'lab', image: 'pytorch-cuda:2.9', flavor: 'cpu.2x8', volumeGib: 20 }

test('the same as a command', () => {
  assert.equal(
    asCommand(asked),
    'gpuhour launch lab --image pytorch-cuda:2.9 --flavor cpu.2x8 --volume-gib 20',
  )
})

test('the same as a request: its body is one that the contract takes', () => {
  const text = asRequest(asked, 'http://localhost:7070', 'prj_1', makeId('instance'))
  const [, body = ''] = /-d '(.*)'$/.exec(text) ?? []
  assert.equal(contract.createInstance.body.safeParse(JSON.parse(body)).success, true)
  assert.match(text, /^curl -X POST http:\/\/localhost:7070\/v1\/projects\/prj_1\/instances/)
})

test('the SSH line names the port where it is not the usual one', () => {
  assert.equal(sshLine({ host: 'h', port: 2222, user: 'u' }), 'ssh -p 2222 u@h')
  assert.equal(sshLine({ host: 'h', port: 22, user: 'u' }), 'ssh u@h')
})
