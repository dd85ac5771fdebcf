import pg from 'pg'
import { connectServer } from '../../src/database/postgres.ts'
import { findMigrationNames, migrate } from '../../src/migrations/migrate.ts'
import { createServerDatabase, engines, patience, root } from '../_app.ts'
import test from '../_test.ts'
import { until } from '../_until.ts'
import { copyRoot, writeSql } from '../database/_databases.ts'

if (engines.includes('server')) {
  test('a migration that waits says which session holds the lock, and how to end it', async (t) => {
    const url = await createServerDatabase()
    const said: string[] = []
    const connection = connectServer(url, () => {}, patience, { onWait: (text) => said.push(text) })
    t.teardown(() => connection.close())
    const holder = new pg.Client({ connectionString: url, application_name: 'a migration by hand' })
    await holder.connect()
    t.teardown(() => holder.end())
    const { rows } = await holder.query('SELECT pg_backend_pid() AS pid, current_user AS "user"')
    const { pid, user } = rows[0]
    const report = new RegExp(
      `^waiting for a database lock of process ${pid} \\("a migration by hand", user ${user}, 127\\.0\\.0\\.1, (idle|idle in transaction) since \\S+Z\\)\\. Wait until it ends, or end it: SELECT pg_terminate_backend\\(${pid}\\)$`,
    )

    await holder.query('SELECT pg_advisory_lock(72707369)')
    const first = migrate(connection, root)
    await until(() => said.length > 0)
    t.regex(said.shift() as string, report)
    await holder.query('SELECT pg_advisory_unlock(72707369)')
    t.deepEqual(await first, await findMigrationNames(root))

    const changed = await copyRoot(t)
    await writeSql(changed, '9999_extra', 'ALTER TABLE "user" ADD COLUMN "extra" TEXT')
    await holder.query('BEGIN; LOCK TABLE "user" IN ACCESS SHARE MODE')
    const second = migrate(connection, changed)
    await until(() => said.length > 0)
    t.regex(said.shift() as string, report)
    await holder.query('COMMIT')
    t.deepEqual(await second, ['9999_extra'])
    t.deepEqual(said, [])
  })
}
