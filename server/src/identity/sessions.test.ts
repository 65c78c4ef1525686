import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getMigrations } from 'better-auth/db/migration'
import pg from 'pg'
import { openStore } from '../store/store.ts'
import { testDatabase } from '../store/testing.ts'
import { hashPassword, verifyPassword } from './passwords.ts'
import { authOptions } from './sessions.ts'

test('migration 0002 is what the installed better-auth expects', async () => {
  const database = await testDatabase()
  const store = openStore({ url: database.url })
  const pool = new pg.Pool({ connectionString: database.url, max: 1 })
  const origins = ['http://localhost:7070'] as const
  const options = authOptions(
    { databaseUrl: database.url, store, origins, secret: 'a secret of a test' },
    pool,
  )
  const { toBeCreated, toBeAdded } = await getMigrations(options)
  assert.deepEqual([toBeCreated, toBeAdded], [[], []])
  await pool.end()
  await store.close()
  await database.drop()
})

test('a password is known again, and no other', async () => {
  const hash = await hashPassword('correct horse')
  assert.match(hash, /^argon2id\$19456\$2\$/)
  assert.equal(await verifyPassword({ hash, password: 'correct horse' }), true)
  assert.equal(await verifyPassword({ hash, password: 'correct house' }), false)
  assert.equal(await verifyPassword({ hash: 'plain', password: 'plain' }), false)
})
