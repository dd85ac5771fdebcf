import { PGlite } from '@electric-sql/pglite'
import { createAdapter } from '../../scripts/diff-schema.ts'
import { createSchemaEngine, listMigrations } from '../../scripts/schema-engine.ts'
import { connectEmbedded } from '../../src/database/embedded.ts'
import { createEngine } from '../../src/database/engine.ts'
import { migrate } from '../../src/migrations/migrate.ts'
import { root } from '../_app.ts'
import test from '../_test.ts'
import { sql } from '../database/_databases.ts'

const filters = { externalTables: [], externalEnums: [] }

const columns = `SELECT column_name, data_type, character_maximum_length, is_nullable, column_default
  FROM information_schema.columns WHERE table_name = '_prisma_migrations' ORDER BY ordinal_position`
const key = `SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
  WHERE conrelid = '_prisma_migrations'::regclass AND contype = 'p'`
const rows = `SELECT checksum, migration_name, logs, rolled_back_at, applied_steps_count, length(id) AS "length",
  started_at <= finished_at AS "inOrder" FROM _prisma_migrations ORDER BY migration_name`

test.serial('the history is the one that the engine of the Prisma CLI writes', async (t) => {
  const [ours, theirs] = [new PGlite(), new PGlite()]
  t.teardown(async () => void (await Promise.all([ours.close(), theirs.close()])))
  await migrate(connectEmbedded(createEngine(ours)), root)
  const engine = await createSchemaEngine(createAdapter(theirs))
  t.teardown(() => engine.free())
  await engine.applyMigrations({ migrationsList: await listMigrations(root), filters })
  for (const query of [columns, key, rows])
    t.deepEqual(
      await sql(connectEmbedded(createEngine(ours)), query),
      await sql(connectEmbedded(createEngine(theirs)), query),
    )
})

test.serial('the engine of the Prisma CLI finds the history of the gateway complete', async (t) => {
  const pglite = new PGlite()
  t.teardown(() => pglite.close())
  await migrate(connectEmbedded(createEngine(pglite)), root)
  const engine = await createSchemaEngine(createAdapter(pglite))
  t.teardown(() => engine.free())
  const migrationsList = await listMigrations(root)
  const found = await engine.diagnoseMigrationHistory({
    migrationsList,
    optInToShadowDatabase: false,
    filters,
  })
  t.deepEqual(found.failedMigrationNames, [])
  t.deepEqual(found.editedMigrationNames, [])
  t.is(found.history, null)
  t.true(found.hasMigrationsTable)
  t.deepEqual(await engine.applyMigrations({ migrationsList, filters }), { appliedMigrationNames: [] })
})
