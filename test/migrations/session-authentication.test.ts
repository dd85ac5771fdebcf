import { rm } from 'node:fs/promises'
import { createDatabase } from '../../src/database/database.ts'
import { findMigrationNames, migrate } from '../../src/migrations/migrate.ts'
import { createSessions } from '../../src/stores/sessions.ts'
import { engines, root } from '../_app.ts'
import test from '../_test.ts'
import { copyRoot, prepareEmpty, sql } from '../database/_databases.ts'

const name = '0007_session_authentication'
const begin = `INSERT INTO session (user_id, created_at, idle_expires_at, expires_at)
  SELECT id, date_trunc('second', now()) - interval '1 hour', now() + $1::interval, now() + interval '1 day' FROM "user"`
const write = 'SELECT id, xmin::text FROM session ORDER BY idle_expires_at'
const read = `SELECT id, user_id AS "userId", created_at AS "createdAt", amr, level, provider FROM session ORDER BY idle_expires_at`

type Row = { id: string; userId: string; createdAt: Date; amr: string[]; level: number; provider: null }

for (const engine of engines)
  test.serial(
    `${engine}: sessions of the previous version keep their start as authentication, and are not written`,
    async (t) => {
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
      const written = await sql(connection, write)
      t.deepEqual(await migrate(connection, root), pending)
      // A write of all sessions would lock the table for a minute per million rows.
      t.deepEqual(await sql(connection, write), written)

      // The previous version may still run beside the new one.
      await sql(connection, begin, ['2 hours'])
      const rows = (await sql(connection, read)) as Row[]
      for (const row of rows) t.like(row, { amr: [], level: 1, provider: null })
      const sessions = createSessions(createDatabase(connection), { idle: 3600, absolute: 86_400 }, 100)
      const [, old, own] = await Promise.all(
        rows.map(({ id, userId }) => sessions.read(id, userId, new Date())),
      )
      t.deepEqual(old?.authTime, rows[1]?.createdAt)
      t.true(Number(own?.authTime) > Number(rows[2]?.createdAt))
    },
  )
