import { identifyDatabase } from '../../src/database/same-database.ts'
import { openSource } from '../../src/import/source.ts'
import { createServerDatabase, engines } from '../_app.ts'
import test from '../_test.ts'
import { createSource } from './_sources.ts'

if (engines.includes('server')) {
  test('the server rejects every query that writes to a source', async (t) => {
    const { url } = await createSource('seed')
    for (const attempt of ['DELETE FROM "user"', 'SET TRANSACTION READ WRITE']) {
      const source = await openSource(url, 'It')
      t.teardown(source.close)
      await source.query('SELECT 1 FROM "user"')
      await t.throwsAsync(source.query(attempt), { message: /^It cannot be read: .*(read-only|read-write)/ })
    }
  })

  test('every query of a source reads the snapshot of the first one, while users sign up', async (t) => {
    const { url, sql } = await createSource('seed')
    const source = await openSource(url, 'It')
    t.teardown(source.close)
    const count = async () =>
      (await source.query<{ n: number }>('SELECT count(*)::int AS n FROM "user"'))[0]?.n
    t.is(await count(), 0)
    await sql(`INSERT INTO "user" (username, password) VALUES ('late', 'x')`)
    t.is(await count(), 0)
  })

  test('a database is recognised under another host name, and told from every other database', async (t) => {
    const [url, other] = [await createServerDatabase(), await createServerDatabase()]
    const identify = async (target: string) => {
      const source = await openSource(target, 'It')
      try {
        return await identifyDatabase(source)
      } finally {
        await source.close()
      }
    }
    t.is(await identify(url), await identify(url.replace('127.0.0.1', 'localhost')))
    t.not(await identify(url), await identify(other))
  })

  test('the password may come from PGPASSWORD instead of the URL', async (t) => {
    const url = new URL(await createServerDatabase())
    process.env.PGPASSWORD = decodeURIComponent(url.password)
    t.teardown(() => delete process.env.PGPASSWORD)
    url.password = ''
    const source = await openSource(url.href, 'It')
    t.teardown(source.close)
    t.deepEqual(await source.query('SELECT 1 AS one'), [{ one: 1 }])
  })

  test('sslmode is honoured', async (t) => {
    const url = await createServerDatabase()
    const isEncrypted = async (sslmode: string) => {
      const source = await openSource(`${url}?sslmode=${sslmode}`, 'It')
      t.teardown(source.close)
      const [row] = await source.query<{ ssl: boolean }>(
        'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
      )
      return row?.ssl
    }
    t.false(await isEncrypted('disable'))
    const required = await isEncrypted('require').catch(({ message }: Error) => message)
    t.true(required === true || required === 'It cannot be read: The server does not support SSL connections')
  })
} else {
  test('importing is tested with a server only', (t) => t.pass())
}
