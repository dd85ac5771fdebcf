import pg from 'pg'
import { findCure } from '../../src/database/explain.ts'
import { isAway, isFull, isTimeout, translateFailure } from '../../src/database/failures.ts'
import { connectServer } from '../../src/database/postgres.ts'
import { createServerDatabase, engines } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { sql } from './_databases.ts'
import { pgbouncer, startPgbouncer } from './_pgbouncer.ts'

/** Returns the error of a statement on the server or pooler of `url`. */
async function refuse(t: ExecutionContext, url: string): Promise<unknown> {
  const connection = connectServer(url, () => {}, 5)
  t.teardown(() => connection.close())
  return t.throwsAsync(sql(connection, 'SELECT 1'))
}

const permanent = (t: ExecutionContext, error: unknown, cure: RegExp) => {
  t.false(isAway(error), String(error))
  t.regex(findCure(error) ?? '', cure)
}

const german = [
  [
    '28P01',
    'Passwort-Authentifizierung für Benutzer »anna« fehlgeschlagen',
    /user and password in DATABASE_URL/,
  ],
  ['3D000', 'Datenbank »missing« existiert nicht', /CREATE DATABASE/],
  [
    '28000',
    'kein pg_hba.conf-Eintrag für Host »::1«, Benutzer »anna«, Datenbank »app«, keine Verschlüsselung',
    /pg_hba\.conf.*sslmode=require/,
  ],
  ['28000', 'Rolle »anna« existiert nicht', /CREATE ROLE/],
  ['42501', 'keine Berechtigung für Schema public', /GRANT USAGE, CREATE ON SCHEMA/],
] as const

test('a server that speaks German gets the same cures and the same answers', (t) => {
  for (const [code, message, cure] of german) permanent(t, Object.assign(new Error(message), { code }), cure)
  for (const [code, message, detail] of [
    ['57014', 'storniere Anfrage wegen Zeitüberschreitung der Anfrage', /took longer for a statement/],
    ['55P03', 'storniere Anfrage wegen Zeitüberschreitung einer Sperre', /stayed locked/],
  ] as const) {
    const error = Object.assign(new Error(message), { code })
    t.true(isAway(error))
    t.true(isTimeout(error))
    t.regex(String((translateFailure(error) as Error & { detail?: string }).detail), detail)
  }
})

test('the pooler of Supabase, which has one code for all refusals, is understood by its messages', (t) => {
  const refusal = (message: string) => Object.assign(new Error(message), { code: 'XX000' })
  for (const message of ['Max client connections reached', 'MaxClientsInSessionMode: max clients reached'])
    t.true(isFull(refusal(message)) && isAway(refusal(message)), message)
  permanent(t, refusal('Tenant or user not found'), /postgres\.project/)
})

if (engines.includes('server')) {
  test('a server that refuses password, database or schema names the cure, and is not waited for', async (t) => {
    const url = await createServerDatabase()
    permanent(t, await refuse(t, url.replace(/:[^:@]+@/, ':wrong@')), /user and password in DATABASE_URL/)
    permanent(t, await refuse(t, url.replace(/[^/]+$/, 'missing')), /CREATE DATABASE/)
    const client = new pg.Client(url)
    await client.connect()
    t.teardown(() => client.end())
    const denied = await t.throwsAsync(
      client.query('SET ROLE pg_monitor; CREATE TABLE public.denied (id int)'),
    )
    permanent(t, denied, /GRANT USAGE, CREATE ON SCHEMA/)
  })

  if (pgbouncer !== null) {
    test('a pooler that refuses password, database or start packet names the cure, and is not waited for', async (t) => {
      const url = await createServerDatabase()
      const pooler = await startPgbouncer(t, url, { pool_mode: 'transaction' })
      permanent(
        t,
        await refuse(t, pooler.url.replace(/:[^:@]+@/, ':wrong@')),
        /user and password in DATABASE_URL/,
      )
      permanent(t, await refuse(t, pooler.url.replace(/[^/]+$/, 'missing')), /CREATE DATABASE/)
      const client = new pg.Client({ connectionString: pooler.url, options: '-c search_path=auth' })
      permanent(t, await t.throwsAsync(client.connect()), /ignore_startup_parameters/)
    })

    test('a wrong password for a pooler with SCRAM names the cure, and is not waited for', async (t) => {
      const pooler = await startPgbouncer(t, await createServerDatabase(), { auth_type: 'scram-sha-256' })
      const error = await refuse(t, pooler.url.replace(/:[^:@]+@/, ':wrong@'))
      permanent(t, error, /user and password in DATABASE_URL/)
    })

    test('a pooler whose server is down, or that is full, is waited for', async (t) => {
      const down = new URL(await createServerDatabase())
      down.port = '1'
      const settings = { pool_mode: 'transaction', query_wait_timeout: '1', server_login_retry: '1' }
      const pooler = await startPgbouncer(t, down.href, settings)
      const error = await refuse(t, pooler.url)
      t.true(isAway(error), String(error))
      const full = await startPgbouncer(t, await createServerDatabase(), { max_client_conn: '0' })
      const refused = await refuse(t, full.url)
      t.true(isAway(refused), String(refused))
    })
  }
}
