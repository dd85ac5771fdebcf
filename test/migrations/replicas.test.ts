import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { connectServer } from '../../src/database/postgres.ts'
import { findMigrationNames, migrate } from '../../src/migrations/migrate.ts'
import { createServerDatabase, engines, patience, root } from '../_app.ts'
import test from '../_test.ts'
import { copyRoot, sql, writeSql } from '../database/_databases.ts'

const run = promisify(execFile)
const child = fileURLToPath(new URL('_migrate.js', import.meta.url))

if (engines.includes('server')) {
  test('five connections that migrate concurrently apply each migration once', async (t) => {
    const url = await createServerDatabase()
    const connections = Array.from({ length: 5 }, () => connectServer(url, () => {}, patience))
    t.teardown(() => Promise.all(connections.map((connection) => connection.close())))
    const applied = await Promise.all(connections.map((connection) => migrate(connection, root)))
    t.deepEqual(applied.flat().sort(), await findMigrationNames(root))
    t.deepEqual(await readHistory(url), await findMigrationNames(root))
  })

  test('all pending migrations use one connection', async (t) => {
    const connection = connectServer(await createServerDatabase(), () => {}, patience)
    t.teardown(() => connection.close())
    const changed = await copyRoot(t)
    await writeSql(changed, '9001_first', 'CREATE TABLE used AS SELECT pg_backend_pid() AS pid')
    for (const name of ['9002_second', '9003_third'])
      await writeSql(changed, name, 'INSERT INTO used SELECT pg_backend_pid()')
    await migrate(connection, changed)
    t.deepEqual(await sql(connection, 'SELECT count(*)::int, count(DISTINCT pid)::int AS pids FROM used'), [
      { count: 3, pids: 1 },
    ])
  })

  test('three processes that migrate concurrently apply each migration once', async (t) => {
    const url = await createServerDatabase()
    const outputs = await Promise.all([1, 2, 3].map(() => run(process.execPath, [child, url])))
    const applied = outputs.map(({ stdout }) => JSON.parse(stdout) as string[])
    t.deepEqual(applied.flat().sort(), await findMigrationNames(root))
    t.deepEqual(await readHistory(url), await findMigrationNames(root))
  })

  test('migrations of two databases in one process do not disturb each other', async (t) => {
    const urls = await Promise.all([createServerDatabase(), createServerDatabase()])
    const connections = urls.map((url) => connectServer(url, () => {}, patience))
    t.teardown(() => Promise.all(connections.map((connection) => connection.close())))
    const applied = await Promise.all(connections.map((connection) => migrate(connection, root)))
    const names = await findMigrationNames(root)
    t.deepEqual(applied, [names, names])
  })
}

async function readHistory(url: string): Promise<string[]> {
  const connection = connectServer(url, () => {}, patience)
  const text = 'SELECT migration_name AS name FROM _prisma_migrations ORDER BY migration_name'
  const rows = await sql<{ name: string }>(connection, text)
  await connection.close()
  return rows.map(({ name }) => name)
}
