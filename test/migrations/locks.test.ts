import pg from 'pg'
import { connectServer } from '../../src/database/postgres.ts'
import { findMigrationNames, migrate } from '../../src/migrations/migrate.ts'
import { createServerDatabase, engines, patience, root } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { until } from '../_until.ts'
import { copyRoot, sql, writeSql } from '../database/_databases.ts'
import { pgbouncer, startPgbouncer } from '../database/_pgbouncer.ts'

const advisoryLocks = `SELECT classid, objid FROM pg_locks
  WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`

const connect = (t: ExecutionContext, url: string) => {
  const connection = connectServer(url, () => {}, patience)
  t.teardown(() => connection.close())
  return connection
}

if (engines.includes('server')) {
  test('a migration and the Prisma CLI exclude each other', async (t) => {
    const url = await createServerDatabase()
    const connection = connect(t, url)
    const cli = new pg.Client({ connectionString: url })
    await cli.connect()
    t.teardown(() => cli.end())
    await connection.transact(async () => {
      const { rows } = await cli.query('SELECT pg_try_advisory_lock(72707369) AS locked')
      t.deepEqual(rows, [{ locked: false }])
      return null
    })
    await cli.query('SELECT pg_advisory_lock(72707369)')
    let isOver = false
    const migrating = migrate(connection, root).finally(() => {
      isOver = true
    })
    await until(async () => (await sql(connection, polls)).length > 0)
    t.false(isOver)
    await cli.query('SELECT pg_advisory_unlock(72707369)')
    t.deepEqual(await migrating, await findMigrationNames(root))
  })

  if (pgbouncer === null)
    test.skip('locks behind a pooler were NOT tested: pgbouncer is not installed', (t) => t.fail())
  else
    for (const pool_mode of ['session', 'transaction'])
      test(`PgBouncer in ${pool_mode} mode keeps no lock, after failures and after the work`, async (t) => {
        const url = await createServerDatabase()
        const pooler = await startPgbouncer(t, url, { pool_mode, server_reset_query: '' })
        const [direct, pooled] = [connect(t, url), connect(t, pooler.url)]
        const changed = await copyRoot(t)
        await writeSql(changed, '9999_broken', 'SELECT 1 / 0')
        await t.throwsAsync(migrate(pooled, changed), {
          message: /^Migration 9999_broken .* division by zero$/,
        })
        t.deepEqual(await sql(direct, advisoryLocks), [])
        t.deepEqual(await migrate(direct, root), [])
        await t.throwsAsync(
          pooled.exclusively(() => Promise.reject(new Error('no'))),
          { message: 'no' },
        )
        t.is(await pooled.exclusively(async () => 'done'), 'done')
        t.deepEqual(await sql(direct, advisoryLocks), [])
      })
}

/** The connections that have tried to take a lock and pause. */
const polls = `SELECT pid FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'claimgate exclusive' AND query = 'ROLLBACK'`
