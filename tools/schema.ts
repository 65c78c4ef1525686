import { writeFile } from 'node:fs/promises'
import { schemaFile, schemaText } from '../server/src/store/schema.ts'
import { withClient } from '../server/src/store/server.ts'
import { testDatabase } from '../server/src/store/testing.ts'

// `npm run schema`: writes server/migrations/schema.sql from a database that has just been migrated.

const database = await testDatabase()
try {
  await writeFile(schemaFile, await withClient(database.url, schemaText))
} finally {
  await database.drop()
}
