import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type Client, makeId } from '@gpuhour/sdk/client'
import type { KeyAction } from '@gpuhour/sdk/contract'
import { makeSshKey } from '../kernel/sshkeys.ts'
import { addMember, addPerson, createOrganization } from '../tenancy/tenancy.ts'
import { keyFor, testApi } from './testing.ts'

const api = await testApi()
after(() => api.close())

const { organization, project } = api.demo
const owner = await api.person('owner')

interface Wanted {
  readonly project?: string | null
  readonly actions?: KeyAction[]
  readonly expiresInDays?: number | null
}

async function mint(by: Client, wanted: Wanted): Promise<{ id: string; client: Client }> {
  const body = { id: makeId('apiKey'), name: 'test', organization, ...wanted }
  const { id, secret } = await by.createApiKey({ body })
  return { id, client: api.client(secret ?? '') }
}

function addSshKey(by: Client): Promise<{ id: string }> {
  const body = { id: makeId('sshKey'), name: 'laptop', publicKey: makeSshKey('me').publicKey }
  return by.createSshKey({ body })
}

/** Keys of one person, each of another organization; the second is of the demo's. */
async function inTwoOrganizations(): Promise<readonly [Client, Client]> {
  const all: readonly KeyAction[] = ['read', 'connect', 'manage']
  const secrets = await api.store.transact(async (tx) => {
    const email = 'busy@example.com'
    const person = await addPerson(tx, { email, name: 'Busy', isOperator: false, identityUser: null })
    const id = tx.newId('organization')
    await createOrganization(tx, { id, name: 'Elsewhere', currency: 'USD', timeZone: 'UTC' }, person.id)
    await addMember(tx, organization, person.id, 'owner')
    return [await keyFor(tx, person, id, all), await keyFor(tx, person, organization, all)] as const
  })
  return [api.client(secrets[0]), api.client(secrets[1])]
}

test('only a key of the whole organization that may manage and connect changes SSH keys', async () => {
  const there = await addSshKey(owner.client)
  const cases: readonly (readonly [string, Wanted])[] = [
    ['one project', { project }],
    ['no connect', { actions: ['read', 'manage'] }],
    ['no manage', { actions: ['read', 'connect'] }],
    ['one project, few actions', { project, actions: ['read', 'manage'] }],
  ]
  for (const [what, wanted] of cases) {
    const { client } = await mint(owner.client, wanted)
    await assert.rejects(addSshKey(client), { code: 'forbidden' }, what)
    await assert.rejects(client.deleteSshKey({ params: { sshKey: there.id } }), { code: 'forbidden' }, what)
    assert.ok(
      (await client.listSshKeys()).items.some(({ id }) => id === there.id),
      what,
    )
  }
  // What gpuhour login makes, and the key of platform.json: ssh registers its own key by these.
  const { client } = await mint(owner.client, {})
  await client.deleteSshKey({ params: { sshKey: (await addSshKey(client)).id } })
  await api.operator.deleteSshKey({ params: { sshKey: (await addSshKey(api.operator)).id } })
})

test('a key of one project sees and revokes the keys of that project only', async () => {
  const whole = await mint(owner.client, {})
  const confined = await mint(owner.client, { project, actions: ['read', 'manage'] })
  const beside = await mint(owner.client, { project })
  const seen = (await confined.client.listApiKeys()).items
  assert.ok(seen.length >= 2 && seen.every((one) => one.project === project))
  const params = { apiKey: whole.id }
  await assert.rejects(confined.client.deleteApiKey({ params }), { code: 'not_found' })
  await confined.client.deleteApiKey({ params: { apiKey: beside.id } })
  await assert.rejects(beside.client.getMe(), { code: 'unauthenticated' })
  assert.equal((await whole.client.getMe()).apiKey?.id, whole.id)
})

test('a key of one organization sees and revokes none of another', async () => {
  const [away, home] = await inTwoOrganizations()
  const [{ items: awayKeys }, { items: homeKeys }] = [await away.listApiKeys(), await home.listApiKeys()]
  assert.deepEqual([awayKeys.length, homeKeys.length], [1, 1])
  const params = { apiKey: homeKeys[0]?.id ?? '' }
  await assert.rejects(away.deleteApiKey({ params }), { code: 'not_found' })
  const body = { id: makeId('apiKey'), name: 'over there', organization, actions: ['read' as const] }
  await assert.rejects(away.createApiKey({ body }), { code: 'not_found' })
})

test('a key mints no key that can more, reaches further or lives longer than itself', async () => {
  const read: KeyAction[] = ['read']
  const cases: readonly (readonly [string, Wanted, Wanted])[] = [
    ['more', { actions: ['read', 'manage'] }, { actions: ['read', 'compute'] }],
    ['further', { project, actions: ['read', 'manage'] }, { actions: read }],
    ['for ever', { expiresInDays: 2 }, { actions: read }],
    ['longer', { expiresInDays: 2 }, { actions: read, expiresInDays: 3 }],
  ]
  for (const [what, own, wanted] of cases) {
    const { client } = await mint(owner.client, own)
    await assert.rejects(mint(client, wanted), { code: 'forbidden' }, what)
  }
  const { client } = await mint(owner.client, { project, expiresInDays: 2 })
  await mint(client, { project, actions: read, expiresInDays: 1 })
})
