import { connectServer } from '../../src/database/postgres.ts'
import { migrate } from '../../src/migrations/migrate.ts'
import { createServerDatabase, engines, root } from '../_app.ts'
import test from '../_test.ts'
import { sql } from './_databases.ts'

if (engines.includes('server'))
  test('a DATABASE_DIRECT_URL that leads to another database is rejected before a migration', async (t) => {
    const [url, other] = await Promise.all([createServerDatabase(), createServerDatabase()])
    const connection = connectServer(url, () => {}, 5, { directUrl: other })
    t.teardown(() => connection.close())
    const message = /^DATABASE_DIRECT_URL leads to another database than DATABASE_URL/
    await t.throwsAsync(migrate(connection, root), { message })
    await t.throwsAsync(
      connection.exclusively(async () => t.fail()),
      { message },
    )
    const wrong = connectServer(other, () => {}, 5, {
      directUrl: other.replace('postgres://', 'postgresql://'),
    })
    t.teardown(() => wrong.close())
    t.deepEqual(await sql(wrong, "SELECT relname FROM pg_class WHERE relname = 'user'"), [])
    t.true((await migrate(wrong, root)).length > 0, 'the same database by another URL')
  })
