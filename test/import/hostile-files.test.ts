import { createMigratedDatabase, engines } from '../_app.ts'
import test from '../_test.ts'
import { runImport } from './_command.ts'
import { importAll, readStored, writeFiles } from './_files.ts'
import { createSource, dumpTarget, query } from './_sources.ts'

const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`

// Text that no JSON library writes by chance: NUL, half a surrogate pair, __proto__, very deep values, large numbers.
const lines = [
  `{"user_id": "auth0|1", "email": "ada@example.com", "app_metadata": {"roles": ["a\\u0000b", "\\ud800", 7, ["x"], {"x": 1}, "editor"], "deep": ${nested(20_000)}, "uneven": [1, [2]], "big": 12345678901234567890, "nul": "\\u0000", "half": "\\udc00", "list": ["a", "b"], "long": "${'x'.repeat(10_001)}"}}`,
  '{"user_id": "auth0|2", "username": "nul\\u0000"}',
  '{"user_id": "auth0|3", "username": "half\\ud800"}',
  '{"user_id": "auth0|4", "username": "idy", "identities": [{"provider": "github", "user_id": "\\u0000"}, {"provider": "git\\ud800hub", "user_id": "1"}, {"provider": "github", "user_id": "1815"}, {"provider": "github", "user_id": "1815"}]}',
  '{"user_id": "auth0|5", "username": "proto", "__proto__": {"email_verified": true, "email": "x@example.com", "app_metadata": {"roles": ["editor"]}}, "constructor": {"name": "x"}}',
  '{"user_id": {"toString": 1}, "username": "object"}',
  '{"user_id": "auth0|6", "username": "late", "email_verified": "perhaps"}',
  '{"user_id": "auth0|7", "username": "cut',
  '[]',
  'null',
  '7',
  '',
  '{"user_id": "auth0|8", "email": "\\u0000@example.com", "username": "mail"}',
  '{"user_id": "auth0|9", "username": "far", "created_at": "+275760-09-13T00:00:00.000Z"}',
]

if (engines.includes('server')) {
  test('hostile rows are named or left out in part, and the users around them are imported', async (t) => {
    const { 'users.ndjson': file = '' } = await writeFiles(t, { 'users.ndjson': lines.join('\r\n') })
    const names = ['deep', 'uneven', 'big', 'nul', 'half', 'list', 'long']
    const claims = names.flatMap((name) => ['--claim', `${name}=app_metadata.${name}`])
    const { report, app } = await importAll(t, ['auth0', file, ...claims], { roles: ['editor'] })
    const found = report.problems.kept
      .filter(({ code }) => code !== 'no_sign_in')
      .map(({ code, place, detail }) => `${place} ${code} ${detail}`)
    const expected = [
      'line 1 invalid_claim big has a number of more than 15 digits',
      'line 1 invalid_claim deep is nested too deeply',
      'line 1 invalid_claim half has a character that cannot be stored',
      'line 1 invalid_claim long has more than 10000 characters',
      'line 1 invalid_claim nul has a character that cannot be stored',
      'line 1 invalid_claim uneven is an array that PostgreSQL cannot read: arrays inside it must have the same size, no other value beside them, and at most six levels',
      'line 1 invalid_role \ud800',
      'line 1 invalid_role a\u0000b',
      'line 1 invalid_role app_metadata.roles ["x"]',
      'line 1 invalid_role app_metadata.roles 7',
      'line 1 invalid_role app_metadata.roles {"x":1}',
      'line 10 invalid_row is not an object',
      'line 11 invalid_row is not an object',
      'line 13 invalid_email \u0000@example.com',
      'line 14 invalid_row created_at is not a time',
      'line 2 invalid_username has a character that cannot be stored',
      'line 3 invalid_username has a character that cannot be stored',
      'line 4 invalid_identity git\ud800hub 1',
      'line 4 invalid_identity github \u0000',
      'line 6 invalid_row user_id is not a text',
      'line 7 invalid_row email_verified is neither true nor false',
      'line 8 invalid_row is not JSON',
      'line 9 invalid_row is not an object',
    ]
    t.deepEqual(found.sort(), expected.sort())
    const stored = await readStored(app)
    t.deepEqual(Object.keys(stored).sort(), ['ada@example.com', 'idy', 'mail', 'proto'])
    t.like(stored['ada@example.com'], { roles: ['editor'], claims: { list: ['a', 'b'] } })
    t.like(stored.idy, { identities: ['github 1815'] })
    t.like(stored.proto, { verified: false, email: null, roles: [] })
  })

  test('a truncated or broken array ends the import before it changes anything, and the message says where', async (t) => {
    const start = '{"users": [{"localId": "a", "email": "a@example.com"}, {"localId": "b"'
    const paths = await writeFiles(t, {
      'truncated.json': start,
      'broken.json': `${start} "email": 1}]}`,
      'more.json': `${start}}]} {"users": []}`,
      'bom.json': `\ufeff${start}}]}\r\n`,
    })
    const DATABASE_URL = await createMigratedDatabase()
    const dump = () => dumpTarget((text) => query(DATABASE_URL, text))
    const empty = await dump()
    for (const [name, after] of [
      ['truncated.json', 'users[0]'],
      ['broken.json', 'users[0]'],
      ['more.json', 'users[1]'],
    ] as const) {
      const { code, stdout, stderr } = await runImport(['firebase', paths[name] ?? ''], {
        env: { DATABASE_URL },
      })
      t.is(code, 65, name)
      t.is(stdout, '')
      t.true(stderr.includes(`not valid JSON after ${after}`), stderr)
      t.is(await dump(), empty)
    }
    const marked = await runImport(['firebase', paths['bom.json'] ?? '', '--json'], { env: { DATABASE_URL } })
    t.like(JSON.parse(marked.stdout), { users: { read: 2, imported: 1 } })
  })

  test('the report shortens huge fields, and lists the first of many columns', async (t) => {
    const huge = 'x'.repeat(200_000)
    const columns = Array.from({ length: 1000 }, (_, index) => `column${index}${'y'.repeat(100)}`)
    const header = ['username', 'roles', 'identity:github', ...columns].join(',')
    const rest = ','.repeat(columns.length)
    const { 'users.csv': file = '' } = await writeFiles(t, {
      'users.csv': `${header}\n${huge},,${rest}\nada,${huge},${huge}${rest}\n`,
      'twice.csv': `username,${huge},${huge}\n`,
    })
    const { report, text } = await importAll(t, ['csv', file])
    t.deepEqual(report.problems.counts, {
      invalid_username: 1,
      invalid_role: 1,
      invalid_identity: 1,
      no_sign_in: 1,
    })
    t.regex(report.remarks.join(), /: column0y+…, column1y+…, .*, and 970 more\.$/)
    t.true(text.length < 6000, `${text.length} characters`)
    const twice = await runImport(['csv', file.replace('users.csv', 'twice.csv')], { env: {} })
    t.true(twice.stderr.length < 200, `${twice.stderr.length} characters`)
  })

  test('--claim takes a column of a database, and a member of a JSON column', async (t) => {
    const id = '5b7d2b6e-3c0f-4a4e-9d5c-000000000001'
    const source = await createSource(
      'hasura-auth',
      `ALTER TABLE auth.users ADD COLUMN locale varchar(2), ADD COLUMN metadata jsonb;
       INSERT INTO auth.users (id, email, locale, metadata) VALUES
         ('${id}', 'ada@example.com', 'en', '{"org": {"id": 7}}'), (gen_random_uuid(), 'bob@example.com', NULL, NULL);
       INSERT INTO auth.user_roles (user_id, role) SELECT id, 'user' FROM auth.users;`,
    )
    const { report, app } = await importAll(t, [
      'hasura-auth',
      source.url,
      '--claim',
      'locale=locale',
      '--claim',
      'org-id=metadata.org.id',
      '--claim',
      'bad=metadata.org.missing',
    ])
    t.is(report.code, 0)
    const stored = await readStored(app)
    t.deepEqual(stored['ada@example.com']?.claims, { locale: 'en', 'org-id': 7 })
    t.deepEqual(stored['bob@example.com']?.claims, {})
  })
} else {
  test('importing is tested with a server only', (t) => t.pass())
}
