import { rm } from 'node:fs/promises'
import { findMigrationNames, migrate } from '../../src/migrations/migrate.ts'
import { engines, root } from '../_app.ts'
import test from '../_test.ts'
import { copyRoot, prepareEmpty, sql } from '../database/_databases.ts'

const name = '0007_session_authentication'
const begin = `INSERT INTO session (user_id, created_at, idle_expires_at, expires_at)
  SELECT id, now() - interval '1 hour', now() + $1::interval, now() + interval '1 day' FROM "user"`
const read = `SELECT auth_time = created_at AS "isStart", auth_time > now() - interval '1 minute' AS "isNow",
  amr, level, provider FROM session ORDER BY idle_expires_at`

for (const engine of engines)
  test.serial(`${engine}: sessions of the previous version keep their start as authentication`, async (t) => {
    const databases = await prepareEmpty(engine)
    t.teardown(() => databases.close())
    const connection = await databases.open()
    const before = await copyRoot(t)
    const pending = (await findMigrationNames(root)).filter((each) => each >= name)
    for (const each of pending) await rm(new URL(`prisma/migrations/${each}/`, before), { recursive: true })
    await migrate(connection, before)
    await sql(connection, `INSERT INTO "user" (username) VALUES ('anna')`)
    await sql(connection, begin, ['-1 minute'])
    await sql(connection, begin, ['1 hour'])
    t.deepEqual(await migrate(connection, root), pending)
    // The previous version may still run beside the new one.
    await sql(connection, begin, ['2 hours'])
    const old = { amr: [], level: 1, provider: null }
    t.deepEqual(await sql(connection, read), [
      { ...old, isStart: null, isNow: null },
      { ...old, isStart: true, isNow: false },
      { ...old, isStart: false, isNow: true },
    ])
  })
