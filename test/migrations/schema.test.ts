import { readFile, writeFile } from 'node:fs/promises'
import { diffSchema, writeMigration } from '../../scripts/diff-schema.ts'
import { findMigrationNames, migrate } from '../../src/migrations/migrate.ts'
import { engines, root } from '../_app.ts'
import test from '../_test.ts'
import { copyRoot, prepareEmpty } from '../database/_databases.ts'
import { readCatalog } from './_catalog.ts'

test.serial('the migrations lead to schema.prisma', async (t) => {
  t.is(await diffSchema(root), null)
})

test.serial('a column of schema.prisma that no migration makes becomes the next migration', async (t) => {
  const changed = await copyRoot(t)
  const path = new URL('prisma/schema.prisma', changed)
  const schema = await readFile(path, 'utf8')
  await writeFile(path, schema.replace('@@map("user")', 'locale String?\n  @@map("user")'))
  const existing = await findMigrationNames(root)
  const next = `${String(existing.length + 1).padStart(4, '0')}_user_locale`
  t.is(await writeMigration(changed, 'user_locale'), next)
  t.deepEqual(await findMigrationNames(changed), [...existing, next])
  const sql = await readFile(new URL(`prisma/migrations/${next}/migration.sql`, changed), 'utf8')
  t.regex(sql, /^-- AlterTable\nALTER TABLE "user" ADD COLUMN\s+"locale" TEXT;\s*$/)
})

if (engines.includes('server')) {
  test.serial('both engines end in the same schema', async (t) => {
    const [embedded, server] = await Promise.all(
      engines.map(async (engine) => {
        const databases = await prepareEmpty(engine)
        t.teardown(() => databases.close())
        const connection = await databases.open()
        await migrate(connection, root)
        return readCatalog(connection)
      }),
    )
    t.deepEqual(server, embedded)
  })
}
