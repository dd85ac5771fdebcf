import { createHash } from 'node:crypto'
import type { Connection, Transaction } from '../../src/database/database.ts'
import { isAway } from '../../src/database/failures.ts'
import { findMigrationNames, findPending, loadMigration, migrate } from '../../src/migrations/migrate.ts'
import { engines, root } from '../_app.ts'
import test from '../_test.ts'
import {
  copyRoot,
  type EmptyDatabases,
  execute,
  prepareEmpty,
  sql,
  writeSql,
} from '../database/_databases.ts'
import { readCatalog } from './_catalog.ts'

type Recorded = { name: string; checksum: string; finished: boolean; rolledBack: boolean }

const history = `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished,
  rolled_back_at IS NOT NULL AS "rolledBack" FROM _prisma_migrations ORDER BY started_at, migration_name`

const started = `INSERT INTO _prisma_migrations (id, checksum, migration_name)
  VALUES (gen_random_uuid()::text, 'x', $1)`

const functionBody = `CREATE TABLE "extra" ("id" INTEGER);
CREATE FUNCTION "extra_positive"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW."id" < 0 THEN RAISE EXCEPTION 'negative; so not allowed'; END IF;
    NEW."id" := NEW."id" + 1;
    RETURN NEW;
END $$;
`

for (const engine of engines) {
  let databases: EmptyDatabases
  test.before(`${engine}: prepare`, async () => {
    databases = await prepareEmpty(engine)
  })
  test.after.always(`${engine}: close`, () => databases?.close())

  test.serial(
    `${engine}: an empty database gets every migration once, as Prisma's CLI records them`,
    async (t) => {
      const connection = await databases.open()
      const names = await findMigrationNames(root)
      t.deepEqual(await migrate(connection, root), names)
      const checksums = names.map(async (name) => ({
        name,
        checksum: createHash('sha256')
          .update(await loadMigration(root, name))
          .digest('hex'),
        finished: true,
        rolledBack: false,
      }))
      t.deepEqual(await sql<Recorded>(connection, history), await Promise.all(checksums))
    },
  )

  test.serial(`${engine}: a second call changes nothing and returns no migrations`, async (t) => {
    const connection = await databases.open()
    await migrate(connection, root)
    const before = [await readCatalog(connection), await sql(connection, history)]
    t.deepEqual(await migrate(connection, root), [])
    t.deepEqual([await readCatalog(connection), await sql(connection, history)], before)
  })

  test.serial(
    `${engine}: a migration that fails changes nothing and is applied again when it is fixed`,
    async (t) => {
      const connection = await databases.open()
      const changed = await copyRoot(t)
      await migrate(connection, changed)
      const before = await readCatalog(connection)

      await writeSql(changed, '0009_extra', `${functionBody} INSERT INTO "missing" VALUES (1);`)
      for (let attempt = 0; attempt < 2; attempt++) {
        await t.throwsAsync(migrate(connection, changed), {
          message: /^Migration 0009_extra failed and changed nothing. relation "missing" does not exist$/,
        })
        t.deepEqual(await readCatalog(connection), before)
        t.deepEqual(await findPending(connection, changed), ['0009_extra'])
      }

      const trigger = `CREATE TRIGGER "extra_positive" BEFORE INSERT ON "extra"
      FOR EACH ROW EXECUTE FUNCTION "extra_positive"();`
      await writeSql(changed, '0009_extra', functionBody + trigger)
      t.deepEqual(await migrate(connection, changed), ['0009_extra'])
      await t.throwsAsync(sql(connection, 'INSERT INTO extra VALUES (-1)'), { message: /negative; so not/ })
      t.deepEqual(await sql(connection, 'INSERT INTO extra VALUES (1) RETURNING id'), [{ id: 2 }])
    },
  )

  test.serial(
    `${engine}: a migration that was killed, so that only its start is recorded, is applied again`,
    async (t) => {
      const connection = await databases.open()
      const changed = await copyRoot(t)
      await migrate(connection, changed)
      await sql(connection, started, ['0009_extra'])
      await writeSql(changed, '0009_extra', functionBody)
      t.deepEqual(await migrate(connection, changed), ['0009_extra'])
      t.deepEqual(await migrate(connection, changed), [])
      const tries = (await sql<Recorded>(connection, history)).filter(({ name }) => name === '0009_extra')
      t.deepEqual(tries.map(({ finished, rolledBack }) => [finished, rolledBack]).sort(), [
        [false, true],
        [true, false],
      ])
    },
  )

  test.serial(
    `${engine}: a process that is killed between a migration and its record leaves nothing of both`,
    async (t) => {
      const connection = await databases.open()
      const changed = await copyRoot(t)
      await migrate(connection, changed)
      await writeSql(changed, '0009_extra', functionBody)
      const before = [await readCatalog(connection), await sql(connection, history)]
      await t.throwsAsync(migrate(dieAfter(connection, functionBody), changed), { message: 'killed' })
      t.deepEqual([await readCatalog(connection), await sql(connection, history)], before)
      t.deepEqual(await migrate(connection, changed), ['0009_extra'])
      t.deepEqual(await sql(connection, 'SELECT id FROM extra'), [])
    },
  )

  test.serial(`${engine}: a database that a later version has migrated stays unchanged`, async (t) => {
    const connection = await databases.open()
    const later = await copyRoot(t)
    await writeSql(later, '0009_extra', functionBody)
    await migrate(connection, later)
    const before = await readCatalog(connection)
    t.deepEqual(await migrate(connection, root), [])
    t.deepEqual(await readCatalog(connection), before)
  })
}

/** Returns a connection on which every statement fails after the given script, as in a killed process. */
function dieAfter(connection: Connection, script: string): Connection {
  const die = () => Promise.reject(new Error('killed'))
  const dying = (transaction: Transaction): Transaction => {
    const mortal = {
      ...transaction,
      execute: async (text: string) => {
        await transaction.execute(text)
        if (text === script) Object.assign(mortal, { execute: die, query: die })
      },
    }
    return mortal
  }
  return {
    ...connection,
    transact: (work) => connection.transact((transaction) => work(dying(transaction))),
  }
}

if (engines.includes('server')) {
  test.serial(
    'a connection lost during a migration is temporary, and the next call applies it',
    async (t) => {
      const databases = await prepareEmpty('server')
      t.teardown(() => databases.close())
      const connection = await databases.open()
      const changed = await copyRoot(t)
      await migrate(connection, changed)
      await writeSql(changed, '0009_extra', `${functionBody} SELECT pg_terminate_backend(pg_backend_pid());`)
      const error = await t.throwsAsync(migrate(connection, changed), { message: /terminating connection/ })
      t.true(isAway(error))
      await writeSql(changed, '0009_extra', functionBody)
      t.deepEqual(await migrate(connection, changed), ['0009_extra'])
    },
  )

  test.serial('limits and defaults of the database do not end a migration', async (t) => {
    const databases = await prepareEmpty('server')
    t.teardown(() => databases.close())
    const connection = await databases.open()
    const changed = await copyRoot(t)
    await migrate(connection, changed)
    await execute(connection, limits)
    await writeSql(changed, '0009_extra', `${functionBody} SELECT pg_sleep(0.3);`)
    t.deepEqual(await migrate(connection, changed), ['0009_extra'])
  })
}

const limits = `DO $$ BEGIN
  EXECUTE format('ALTER DATABASE %I SET statement_timeout = 200', current_database());
  EXECUTE format('ALTER DATABASE %I SET lock_timeout = 1', current_database());
  EXECUTE format('ALTER DATABASE %I SET idle_in_transaction_session_timeout = 1', current_database());
  EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', current_database());
END $$`
