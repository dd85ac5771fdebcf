import { existsSync } from 'node:fs'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Engine, engines, type SessionBody } from '../_app.ts'
import { makeDirectory } from '../_directory.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { ask, createDeployment, signIn, type TestDeployment, thorough } from './_command.ts'

const input = 'correct horse battery'
const directions: [from: Engine, to: Engine][] = engines.includes('server')
  ? [
      ['embedded', 'server'],
      ['server', 'embedded'],
    ]
  : [['embedded', 'embedded']]

/** Creates a deployment with values that a careless transfer would change. */
async function createFilled(t: ExecutionContext, engine: Engine) {
  const d = await createDeployment(engine)
  t.teardown(() => d.close())
  const gateway = await d.gateway()
  const begin = async (username: string) => {
    const body = { username, password: input, confirmPassword: input }
    const answer = await ask<SessionBody>(gateway, '/signup', { body })
    t.is(answer.status, 200)
    return answer.body
  }
  const alice = await begin('Alice')
  const ended = await signIn(gateway, 'alice', input)
  const bob = await begin('bob')
  const carol = await begin('carol')
  await gateway.stop()
  await d.sql(fill)
  await d.json(`session revoke ${sessionOf(ended.token)}`)
  await d.json('keys rotate')
  return { d, alice, ended, bob, carol }
}

// Claims beyond the precision of a JavaScript number, a time beyond that of a JavaScript date, and the JSON null.
const fill = `DO $$ BEGIN
  INSERT INTO role (name) VALUES ('editor'), ('author');
  INSERT INTO user_role (user_id, role_id, provider) SELECT u.id, r.id, 'github' FROM "user" u, role r WHERE r.name = 'editor';
  UPDATE "user" SET default_role_id = (SELECT id FROM role WHERE name = 'editor') WHERE username = 'Alice';
  INSERT INTO user_claim SELECT u.id, c.name, c.value FROM "user" u, (VALUES
    ('precise', '12345678901234567890.10'::jsonb), ('nothing', 'null'),
    ('text', to_jsonb(E'line\\nbreak "ß" 😀'::text))) AS c (name, value) WHERE u.username = 'bob';
  UPDATE "user" SET created_at = '2020-02-29 12:00:00.123456+05:30' WHERE username = 'bob';
  INSERT INTO identity (provider, subject, user_id, email, email_verified)
    SELECT 'github', '1815', id, 'bob@example.com', true FROM "user" WHERE username = 'bob';
  UPDATE session SET user_agent = NULL, amr = '{pwd,fed}', provider = 'github', late_counter = 3
    WHERE user_id = (SELECT id FROM "user" WHERE username = 'bob');
  UPDATE "user" SET session_epoch = session_epoch + 1 WHERE username = 'bob';
  UPDATE "user" SET active = false WHERE username = 'carol';
END $$`

const sessionOf = (token: string): string =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).sid

const tables = ['role', 'user', 'user_role', 'user_claim', 'identity', 'session', 'signing_key']

/** Returns every row as text, for a comparison of two databases. */
async function rowsOf({ sql }: TestDeployment): Promise<string[]> {
  const rows = await sql<{ row: string }>(
    `SELECT row FROM (${tables.map((table) => `SELECT '${table} ' || to_jsonb(t)::text AS row FROM "${table}" t`).join(' UNION ALL ')}) AS r`,
  )
  const utc = (text: string) => text.replace(/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?\+00:00/g, '$1$2Z')
  return rows.map(({ row }) => utc(row)).sort()
}

/** Returns the columns of each table, without the columns that PostgreSQL computes. */
async function columnsOf({ sql }: TestDeployment): Promise<string[]> {
  const columns = await sql<{ name: string }>(
    `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
     WHERE table_schema = current_schema() AND is_generated = 'NEVER' AND table_name IN (${tables.map((table) => `'${table}'`)})`,
  )
  return columns.map(({ name }) => name).sort()
}

/** Returns the columns of each table in an export. */
async function readColumns(file: string): Promise<string[]> {
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n').slice(1, -1)
  const names = lines
    .map((line) => JSON.parse(line))
    .flatMap(({ table, row }) => Object.keys(row).map((column) => `${table}.${column}`))
  return [...new Set(names)].sort()
}

const refresh = (gateway: Awaited<ReturnType<TestDeployment['gateway']>>, refreshToken: string) =>
  ask<{ token: string; refreshToken: string }>(gateway, '/token', { body: { refreshToken } })

for (const [from, to] of directions) {
  test.serial(
    `${from} to ${to}: every row is the same, and tokens, passwords and ends of sessions stay valid`,
    async (t) => {
      const { d, alice, ended, bob, carol } = await createFilled(t, from)
      const before = await rowsOf(d)
      const file = join(d.cwd, 'claimgate.jsonl')
      const { rows } = await d.json(`export --output ${file}`)
      t.deepEqual(rows, {
        role: 2,
        user: 3,
        user_role: 3,
        user_claim: 3,
        identity: 1,
        session: 4,
        signing_key: 2,
      })
      t.is((await stat(file)).mode & 0o777, 0o600)
      t.false(existsSync(`${file}.new`))
      t.deepEqual(await readColumns(file), await columnsOf(d))

      const target = await createDeployment(to)
      t.teardown(() => target.close())
      // A first start, with a key and a role of its own.
      await (await target.gateway()).stop()
      await target.json('role create editor')
      const own = await rowsOf(target)
      const rehearsed = await target.json(`import claimgate ${file} --dry-run`)
      t.deepEqual(await rowsOf(target), own)
      const report = await target.json(`import claimgate ${file}`)
      t.deepEqual(report, { ...rehearsed, dryRun: false })
      t.like(report, { users: { imported: 3 }, roles: { granted: 3 }, sessions: { imported: 4 } })
      const after = await rowsOf(target)
      const isOwnKey = (row: string) => row.startsWith('signing_key') && !before.includes(row)
      t.deepEqual(
        after.filter((row) => !isOwnKey(row)),
        before,
      )
      t.deepEqual(
        after.filter(isOwnKey).map((row) => /"state": "(\w+)"/.exec(row)?.[1]),
        ['retiring'],
      )

      const gateway = await target.gateway()
      t.teardown(() => gateway.stop())
      t.is((await ask(gateway, '/user', { token: alice.token })).status, 200)
      t.is((await ask(gateway, '/user', { token: ended.token })).status, 401)
      t.is((await refresh(gateway, alice.refreshToken)).status, 200)
      for (const session of [ended, bob, carol])
        t.is((await refresh(gateway, session.refreshToken)).status, 401)
      t.is((await signIn(gateway, 'bob', input)).id, bob.id)
      t.is((await ask(gateway, '/login', { body: { username: 'carol', password: input } })).status, 401)
    },
  )
}

test.serial(
  'an export of an earlier version, without the columns of later migrations, is imported',
  async (t) => {
    const { d } = await createFilled(t, thorough)
    const file = join(d.cwd, 'claimgate.jsonl')
    await d.json(`export --output ${file}`)
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
    const earlier = lines.map((line) => {
      const { table, row, ...others } = JSON.parse(line)
      if ('schema' in others) others.schema = '0012_sweep_without_indexes'
      if (table === 'session') delete row.app
      if (table === 'user_role') delete row.provider
      return JSON.stringify(table === undefined ? others : { table, row })
    })
    // Numbers beyond the precision of JavaScript are not the subject here.
    await writeFile(file, `${earlier.map((line) => line.replace(/1234567\d+(\.\d+)?/, '1')).join('\n')}\n`)
    const target = await createDeployment(thorough)
    t.teardown(() => target.close())
    const report = await target.json(`import claimgate ${file}`)
    t.like(report, { users: { imported: 3 }, roles: { granted: 3 }, sessions: { imported: 4 } })
    t.deepEqual(await target.sql('SELECT DISTINCT provider FROM user_role'), [{ provider: null }])
  },
)

test.serial('an invalid file is rejected with the line, and changes nothing', async (t) => {
  const { d } = await createFilled(t, thorough)
  const file = join(d.cwd, 'claimgate.jsonl')
  await d.json(`export --output ${file}`)
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
  const target = await createDeployment(thorough)
  t.teardown(() => target.close())
  const before = await rowsOf(target)
  const [header = '', ...rest] = lines
  const cases: [lines: readonly string[], message: RegExp][] = [
    [[''], /^The file is not an export of Claimgate\.$/],
    [['username,password', 'a,b'], /^The file is not an export of Claimgate\.$/],
    [lines.slice(0, -1), /^The export is incomplete: its end is missing after line 19\./],
    [[...lines.slice(0, -3), (lines.at(-2) ?? '').slice(0, 100)], /^Line 18 of the export is not JSON\./],
    [
      [...lines.slice(0, -2), ...lines.slice(-1)],
      /^The export lacks lines: it has 1 of 2 rows of signing_key\./,
    ],
    [[...lines, lines[1] ?? ''], /^Line 21 of the export comes after its end/],
    [
      [header.replace('"version":1', '"version":2'), ...rest],
      /is of another version of Claimgate \(format 2/,
    ],
    [[header.replace(/"schema":"[^"]+"/, '"schema":"9999_later"'), ...rest], /migration 9999_later\)/],
    [
      lines.map((line) => line.replace('"active":true', '"active":"yes"')),
      /^Line 4 of the export is not valid: row\.active /,
    ],
    [
      lines.map((line) => line.replace(/"value":.*/, '"user":1}}')),
      /^Line \d+ of the export is not valid: row\.value is missing$/,
    ],
    [
      lines.map((line) => line.replace('"active":true', '"activ":true')),
      /^Line 4 of the export is not valid/,
    ],
  ]
  for (const [content, message] of cases) {
    await writeFile(file, content.join('\n'))
    const { exit, code, message: found } = await target.failure(`import claimgate ${file}`)
    t.deepEqual([exit, code], [65, 'wrong_source'], String(message))
    t.regex(found, message)
  }
  await writeFile(file, Buffer.from([0x7b, 0xff, 0xfe]))
  t.regex((await target.failure(`import claimgate ${file}`)).message, /not UTF-8/)
  const missing = await target.failure(`import claimgate ${file}.missing`)
  t.deepEqual([missing.exit, missing.code], [66, 'file_not_found'])
  t.deepEqual(await rowsOf(target), before)
})

test.serial(
  'rows that the database rejects are named with line and reason, and nothing is imported',
  async (t) => {
    const { d } = await createFilled(t, thorough)
    const file = join(d.cwd, 'claimgate.jsonl')
    await d.json(`export --output ${file}`)
    const text = await readFile(file, 'utf8')
    await writeFile(
      file,
      text
        .replace('"username":"bob"', '"username":"ALICE"')
        .replace('"username":"carol"', '"username":"alice"'),
    )
    const target = await createDeployment(thorough)
    t.teardown(() => target.close())
    const before = await rowsOf(target)
    const { exit, code, message } = await target.failure(`import claimgate ${file}`)
    t.deepEqual([exit, code], [65, 'invalid_export'])
    t.regex(
      message,
      /^The database rejects 2 rows of the export\. Nothing was changed\. .*\n {2}line 5, user [0-9a-f-]{36}: duplicate key value .*\n {2}line 6, user [0-9a-f-]{36}: duplicate key value .*$/,
    )
    t.deepEqual(await rowsOf(target), before)
  },
)

test.serial(
  'another AUTH_SECRET is rejected before a change; the previous one and --without-sessions are accepted',
  async (t) => {
    const { d, alice } = await createFilled(t, thorough)
    const file = join(d.cwd, 'claimgate.jsonl')
    await d.json(`export --output ${file}`)
    const secret = 'another secret that is only good for tests 0123456789'
    const env = { AUTH_SECRET: secret }
    const folder = await makeDirectory()
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    const data = join(folder, 'data')
    const target = await createDeployment(thorough, { env })
    t.teardown(() => target.close())
    const before = await rowsOf(target)
    const { exit, code, message } = await target.failure(`import claimgate ${file}`)
    t.deepEqual([exit, code], [1, 'other_secret'])
    t.regex(
      message,
      /differs from the secret of the export.*Nothing was changed\..*file secret in its data directory.*--without-sessions/,
    )
    const none = await d.failure(`import claimgate ${file}`, {
      env: { AUTH_SECRET: '', DATABASE_URL: '', AUTH_DATA_DIR: data },
    })
    t.regex(none.message, /^There is no AUTH_SECRET here/)
    t.false(existsSync(data))
    t.deepEqual(await rowsOf(target), before)

    const without = await target.json(`import claimgate ${file} --without-sessions`)
    t.like(without, { users: { imported: 3 }, sessions: { imported: 0 }, keys: { imported: 0 } })
    const kept = (await rowsOf(d)).filter((row) => !/^(session|signing_key) /.test(row))
    t.deepEqual(
      (await rowsOf(target)).filter((row) => !row.startsWith('signing_key ')),
      kept,
    )

    const rotated = await createDeployment(thorough, {
      env: { ...env, AUTH_PREVIOUS_SECRET: d.env.AUTH_SECRET ?? '' },
    })
    t.teardown(() => rotated.close())
    await rotated.json(`import claimgate ${file}`)
    const gateway = await rotated.gateway()
    t.teardown(() => gateway.stop())
    t.is((await ask(gateway, '/user', { token: alice.token })).status, 200)
    t.is((await refresh(gateway, alice.refreshToken)).status, 200)
  },
)

test.serial(
  'an export overwrites no file and shows nothing on a terminal; an import needs a database without users',
  async (t) => {
    const { d } = await createFilled(t, thorough)
    const file = join(d.cwd, 'claimgate.jsonl')
    await writeFile(file, 'kept')
    t.like(await d.failure(`export --output ${file}`), { exit: 73, code: 'file_exists' })
    t.is(await readFile(file, 'utf8'), 'kept')
    t.like(await d.failure(`export --output ${d.cwd}/missing/file`), { exit: 66, code: 'file_not_found' })
    t.like(await d.failure('export'), { exit: 64, code: 'usage' })
    const { code, stdout, stderr } = await d.run('export')
    t.is(code, 0)
    t.regex(
      stderr,
      /^Exported 3 users, 2 roles, 3 role grants, 3 claims, 1 provider identity, 4 sessions, 2 signing keys\.\n$/,
    )
    t.false(stdout.includes(d.env.AUTH_SECRET ?? '?'))
    t.notRegex(stdout, /cgr_/)
    const before = await rowsOf(d)
    const full = await d.failure('import claimgate -', { input: stdout })
    t.deepEqual([full.exit, full.code], [73, 'users_exist'])
    t.regex(
      full.message,
      /^The database has 3 users already, .*Nothing was changed\. Set DATABASE_URL or AUTH_DATA_DIR/,
    )
    t.deepEqual(await rowsOf(d), before)
    t.like(await d.failure(`import seed postgres://localhost/x --without-sessions`), {
      exit: 64,
      code: 'usage',
    })

    const target = await createDeployment(thorough)
    t.teardown(() => target.close())
    const piped = await target.run('import claimgate -', { input: stdout })
    t.regex(piped.stdout, /^Imported 3 users, .*\.\n$/)
  },
)
