import { engines } from '../_app.ts'
import test from '../_test.ts'
import { foreignHashes, foreignPassword } from '../authentication/_foreign-hashes.ts'
import { runImport } from './_command.ts'
import { importAll, readStored, writeFiles } from './_files.ts'

const bcrypt = foreignHashes['bcrypt of PHP']
const django = foreignHashes['PBKDF2 of Django']

// A mark of the byte order, CRLF, quoted commas, quotes and line breaks, and columns with the names of a prototype.
const table = [
  '\ufeffid,username,email,email_verified,password_hash,roles,default_role,active,second_factor,created_at,identity:github,org,__proto__,constructor',
  `7,ada,ada@example.com,TRUE,${bcrypt},"editor, author",editor,1,,2024-05-06 07:08:09+02,1815,"a ""big"", old\r\nfirm",x,y`,
  `c63b048b-bd9f-4ded-814a-a23368ce05e9,bob,bob@example.com,no,${django},{editor},,false,totp,,,,,`,
  ',cy,CY@example.com,,,,,true,,,,,,',
  ',Ada,ada2@example.com,,,,,true,,,,,,',
  ',dee,not an address,yes,md5:abc,owner,owner,true,,,undefined,,,',
  ',eve,,,,,,maybe,,,,,,',
  ',eve,,,,,,,,,,,,',
  ',fay,,,,,,true,,yesterday,,,,',
  'too,few,columns',
  '7,ada again,,,,,,true,,,,,,',
  ',,,,,,,true,,,,,,',
].join('\r\n')

if (engines.includes('server')) {
  test('a table: users get what its columns say, and wrong rows are named with line and reason', async (t) => {
    const { 'users.csv': file = '' } = await writeFiles(t, { 'users.csv': table })
    const { report, text, app } = await importAll(
      t,
      ['csv', file, '--claim', 'org=org', '--claim', 'proto=__proto__', '--claim', 'none=toString'],
      { roles: ['editor', 'author'] },
    )
    t.like(report, { code: 1, users: { read: 11, imported: 4, refused: 7 }, identities: { linked: 1 } })
    t.deepEqual(report.remarks, [
      'These columns are not imported: constructor.',
      'No user has the member toString, which --claim or --roles-from names.',
    ])
    const problems = report.problems.kept.map(({ code, place, detail }) => `${code} ${place} ${detail}`)
    t.deepEqual(problems.sort(), [
      'duplicate_id line 12 ada again',
      'invalid_email line 7 not an address',
      'invalid_identity line 7 github undefined',
      'invalid_row line 10 created_at is not a time',
      'invalid_row line 11 has 3 columns, and the header has 14',
      'invalid_row line 8 active is neither true nor false',
      'invalid_row line 9 active is empty',
      'no_sign_in line 5 CY@example.com',
      'no_username line 13 no id, username or e-mail address',
      'unknown_hash line 7 7 characters',
      'unknown_role line 7 owner',
      `username_taken line 6 by ${report.problems.kept.find(({ code }) => code === 'username_taken')?.detail.slice(3)}`,
    ])
    t.regex(text, /username_taken +line 6 /)
    const stored = await readStored(app)
    t.deepEqual(Object.keys(stored).sort(), ['ada', 'bob', 'cy', 'dee'])
    t.like(stored.ada, {
      email: 'ada@example.com',
      verified: true,
      active: true,
      created: '2024-05-06T05:08:09.000Z',
      defaultRole: 'editor',
      roles: ['author', 'editor'],
      identities: ['github 1815'],
      claims: { org: 'a "big", old\nfirm', proto: 'x' },
    })
    t.like(stored.bob, {
      id: 'c63b048b-bd9f-4ded-814a-a23368ce05e9',
      verified: false,
      active: false,
      roles: ['editor'],
      claims: {},
    })
    t.like(stored.dee, { email: null, verified: false, password: null, roles: [], defaultRole: null })
    t.is((await app.login('ada', foreignPassword)).status, 200)
    t.is((await app.login('bob', foreignPassword)).status, 401)
  })

  test('semicolons between columns; --create-roles makes the roles, and --default-role and --inactive-with-second-factor hold', async (t) => {
    const { 'users.csv': file = '' } = await writeFiles(t, {
      'users.csv': `email;roles;second_factor;password_hash\nada@example.com;editor|author;totp;${bcrypt}\n\nbob@example.com;editor;no;${bcrypt}\n`,
    })
    const { report, app } = await importAll(t, [
      'csv',
      file,
      '--create-roles',
      '--default-role',
      'editor',
      '--inactive-with-second-factor',
    ])
    t.like(report, {
      code: 0,
      roles: { created: 1, granted: 1 },
      changes: { counts: { inactive_chosen: 1 } },
      remarks: [],
    })
    const stored = await readStored(app)
    t.like(stored['ada@example.com'], { active: false, roles: ['author'] })
    t.like(stored['bob@example.com'], { active: true, roles: [] })
  })

  test('--roles-from takes the roles from another column, with the separators of the column roles', async (t) => {
    const { 'users.csv': file = '' } = await writeFiles(t, {
      'users.csv': `username,roles,groups,password_hash
ada,editor,author,${bcrypt}
bob,,"editor,author",${bcrypt}
eve,,editor | author,${bcrypt}
joe,,"{editor,""author""}",${bcrypt}
zoe,,"[""editor"", ""author""]",${bcrypt}
`,
    })
    const { report, app } = await importAll(t, ['csv', file, '--roles-from', 'groups'], {
      roles: ['editor', 'author'],
    })
    t.deepEqual(report.remarks, [])
    const misspelled = await importAll(t, ['csv', file, '--roles-from', 'grups', '--claim', 'org=orgs.id'])
    t.deepEqual(misspelled.report.remarks, [
      'These columns are not imported: groups.',
      'No user has the member orgs.id, which --claim or --roles-from names.',
      'No user has the member grups, which --claim or --roles-from names.',
    ])
    const stored = await readStored(app)
    t.deepEqual(stored.ada?.roles, ['author'])
    for (const name of ['bob', 'eve', 'joe', 'zoe'])
      t.deepEqual(stored[name]?.roles, ['author', 'editor'], name)
  })
} else {
  test('importing is tested with a server only', (t) => t.pass())
}

test('files that cannot be imported end with one message before anything is opened', async (t) => {
  const paths = await writeFiles(t, {
    'no-name.csv': 'login,mail\nada,ada@example.com\n',
    'twice.csv': 'username,username\nada,ada\n',
    'empty.csv': '',
    'open.csv': 'username,org\nada,"open\nbob,x\n',
    'json.csv': '[{"username": "ada"}]',
    'utf16.csv': Buffer.from('username\nada\n', 'utf16le'),
    'latin1.csv': Buffer.from('username\nJosé\n', 'latin1'),
  })
  const cases: [file: string, code: number, says: RegExp][] = [
    ['no-name.csv', 65, /neither the column username nor email/],
    ['twice.csv', 65, /has the column "username" twice/],
    ['empty.csv', 65, /is empty/],
    ['open.csv', 65, /in or before line 3, does not end/],
    ['json.csv', 65, /is not a table with a header/],
    ['utf16.csv', 65, /username|not UTF-8/],
    ['latin1.csv', 65, /not UTF-8/],
    ['missing.csv', 66, /cannot be read \(ENOENT\)/],
    ['.', 64, /must be a regular file/],
  ]
  for (const [name, code, says] of cases) {
    const path = paths[name] ?? (name === '.' ? '/' : '/nowhere/missing.csv')
    const result = await runImport(['csv', path], { env: { AUTH_DATA_DIR: '/nowhere/claimgate' } })
    t.is(result.code, code, name)
    t.regex(result.stderr, says)
    t.is(result.stdout, '')
  }
})

const usage: Record<string, [args: string[], says: RegExp]> = {
  'a claim without a member': [['--claim', 'org'], /--claim "org" must be name=member/],
  'a reserved claim': [['--claim', 'role=x'], /--claim "role=x" must be/],
  'a claim with the prefix': [['--claim', 'x-hasura-org=x'], /must be name=member/],
  'the same claim twice': [['--claim', 'a=x', '--claim', 'a=y'], /must be name=member: a name once/],
  'hashes of Auth0': [['--passwords', 'x'], /--passwords is for the source auth0/],
  'parameters of Firebase': [['--hash-config', 'x'], /--hash-config is for the source firebase/],
}
for (const [name, [flags, says]] of Object.entries(usage)) {
  test(`${name} with a table: exit code 64`, async (t) => {
    const result = await runImport(['csv', '/nowhere/users.csv', ...flags], { env: {} })
    t.is(result.code, 64)
    t.regex(result.stderr, says)
  })
}

test('options of files with a database, a URL in the place of a file, and options of other sources with an export: exit code 64', async (t) => {
  const url = 'postgres://me:do-not-print-me@127.0.0.1:1/x'
  const cases: [args: string[], says: RegExp][] = [
    [['seed', url, '--roles-from', 'x'], /--roles-from is for sources in files/],
    [['hasura-auth', url, '--create-roles'], /--create-roles is not needed/],
    [['keycloak', url], /keycloak is a file, and not a URL/],
    [['supabase', 'mysql://me:do-not-print-me@x/y'], /must be a postgres:\/\/ URL/],
    [['claimgate', 'x.jsonl', '--claim', 'a=b'], /--claim is for other sources than claimgate/],
  ]
  for (const [args, says] of cases) {
    const { code, stderr } = await runImport(args, { env: {} })
    t.is(code, 64, args.join(' '))
    t.regex(stderr, says)
    t.false(stderr.includes('do-not-print-me'))
  }
})
