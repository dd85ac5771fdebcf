import { generateKeyPairSync } from 'node:crypto'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDirectory } from '../_directory.ts'
import test from '../_test.ts'
import { createDeployment, runCommand, type TestDeployment, thorough } from './_command.ts'

const pemOf = (modulusLength: number) =>
  generateKeyPairSync('rsa', { modulusLength }).privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
const encrypted = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
  format: 'pem',
  type: 'pkcs8',
  cipher: 'aes-256-cbc',
  passphrase: 'passphrase',
})
const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const unknown = '0d9a2bd2-8f39-4d9e-9a49-000000000000'
const password = 'correct horse'

type Case = [command: string, code: string, exit: number, input?: string | Buffer]

const cases: Case[] = [
  ['user create ALICE --password-stdin', 'username_taken', 73, password],
  ['user create bob --password-stdin', 'validation_failed', 65, ''],
  ['user create bob --password-stdin', 'validation_failed', 65, 'abc\n'],
  ['user create bob --password-stdin', 'validation_failed', 65, 'x'.repeat(1025)],
  ['user create bob --password-stdin', 'validation_failed', 65, 'nul\0character'],
  ['user create bob --password-stdin', 'validation_failed', 65, Buffer.from([0xff, 0xfe, 0x70, 0x77])],
  ['user create bob --password-stdin', 'validation_failed', 65, 'x'.repeat(100_000)],
  ['claims set alice role admin', 'validation_failed', 65],
  ['claims set alice Org-Id acme', 'validation_failed', 65],
  ['claims set alice x-hasura-org-id acme', 'validation_failed', 65],
  ['claims set alice org-id null', 'validation_failed', 65],
  [`claims set alice org-id '"nul\\u0000"'`, 'validation_failed', 65],
  ['claims set bob org-id acme', 'user_not_found', 66],
  ['claims unset bob org-id', 'user_not_found', 66],
  ['user create bob', 'usage', 64, password],
  [`user create ' bob' --password-stdin`, 'validation_failed', 65, password],
  [`user create '' --password-stdin`, 'validation_failed', 65, password],
  [`user create ${'b'.repeat(256)} --password-stdin`, 'validation_failed', 65, password],
  ['user create bob --password-stdin --email nowhere', 'validation_failed', 65, password],
  ['user create bob --password-stdin --role editor --role nothing', 'role_not_found', 66, password],
  ['user show bob', 'user_not_found', 66],
  [`user show ${unknown}`, 'user_not_found', 66],
  [`user show ''`, 'user_not_found', 66],
  ['user set-password bob --password-stdin', 'user_not_found', 66, password],
  ['user set-password alice --password-stdin', 'validation_failed', 65, 'abc'],
  ['user set-password alice', 'usage', 64, password],
  ['user activate bob', 'user_not_found', 66],
  ['user deactivate bob', 'user_not_found', 66],
  ['user delete bob --yes', 'user_not_found', 66],
  ['role create editor', 'role_exists', 73],
  [`role create ''`, 'validation_failed', 65],
  [`role create ${'r'.repeat(256)}`, 'validation_failed', 65],
  [`role create ' editor'`, 'validation_failed', 65],
  ['role grant bob editor', 'user_not_found', 66],
  ['role grant alice nothing', 'role_not_found', 66],
  ['role revoke alice nothing', 'role_not_found', 66],
  ['role default alice nothing', 'role_not_found', 66],
  ['role default bob --clear', 'user_not_found', 66],
  ['claims preview bob', 'user_not_found', 66],
  ['claims preview alice --role nothing', 'role_denied', 1],
  [`claims set alice team-ids '[[1], [2, 3]]'`, 'validation_failed', 65],
  [`claims set alice team-ids '[[1], null]'`, 'validation_failed', 65],
  ['session list bob', 'user_not_found', 66],
  [`session revoke ${unknown}`, 'session_not_found', 66],
  [`session revoke ';drop'`, 'session_not_found', 66],
  ['session revoke --all bob', 'user_not_found', 66],
  ['keys retire nothing', 'key_not_found', 66],
  ['keys import missing.pem', 'file_not_found', 66],
  ['keys import .', 'file_not_found', 66],
  ['keys import -', 'invalid_key', 65, 'no key'],
  ['keys import -', 'invalid_key', 65, pemOf(1024)],
  ['keys import -', 'invalid_key', 65, pemOf(2048).replaceAll('A', 'B')],
  ['keys import -', 'invalid_key', 65, encrypted],
  ['keys import -', 'invalid_key', 65, elliptic.export({ format: 'pem', type: 'pkcs8' })],
]

let d: TestDeployment
let before: string
test.before('start', async () => {
  d = await createDeployment(thorough)
  await d.json('role create editor')
  await d.json('user create Alice --password-stdin', { input: 'the first password' })
  await d.json('keys rotate')
  before = await d.dump()
})
test.after.always('stop', () => d?.close())

for (const [index, [command, code, exit, input = '']] of cases.entries()) {
  test.serial(`${index}: ${command.slice(0, 70)} is refused as ${code}, and changes nothing`, async (t) => {
    const { stderr, stdout, code: ended } = await d.run(command, { input })
    t.is(ended, exit, stderr)
    t.is(stdout, '')
    t.regex(stderr, /^claimgate: [^\n]{10,300}\n$/)
    t.notRegex(stderr, /correct horse|\$2b\$|BEGIN|[Pp]risma|invocation|\bat .*:\d+/)
  })
}

test.serial('after all that, every row is as it was', async (t) => {
  t.is(await d.dump(), before)
})

test.serial('a refused value is named in the JSON error', async (t) => {
  const { stderr } = await d.run('user create bob --password-stdin --email x --json', { input: 'abc' })
  t.deepEqual(JSON.parse(stderr).error, {
    code: 'validation_failed',
    message: 'password has fewer than 4 characters; email is not an e-mail address',
    errors: [
      { field: 'password', rule: 'too_short', limit: 4, detail: 'has fewer than 4 characters' },
      { field: 'email', rule: 'email', detail: 'is not an e-mail address' },
    ],
  })
})

const secret = 'dsn-secret-93'
const AUTH_SECRET = 'a secret that is only good for tests 0123456789'
const urls: [string, Record<string, string>, number, RegExp][] = [
  [
    'no server there',
    { DATABASE_URL: `postgres://me:${secret}@127.0.0.1:1/db`, AUTH_SECRET },
    69,
    /ECONNREFUSED/,
  ],
  [
    'no such host',
    { DATABASE_URL: `postgres://me:${secret}@nowhere.invalid/db`, AUTH_SECRET },
    69,
    /nowhere\.invalid/,
  ],
  [
    'no PostgreSQL URL',
    { DATABASE_URL: `mysql://me:${secret}@127.0.0.1/db`, AUTH_SECRET },
    78,
    /DATABASE_URL must be/,
  ],
  ['no URL', { DATABASE_URL: secret, AUTH_SECRET }, 78, /DATABASE_URL must be a postgres/],
  ['no AUTH_SECRET', { DATABASE_URL: `postgres://me:${secret}@127.0.0.1:1/db` }, 78, /AUTH_SECRET/],
  ['another bad variable', { AUTH_KEY_BITS: secret }, 78, /AUTH_KEY_BITS must be/],
]
for (const [name, env, exit, message] of urls) {
  test.serial(`a command ends with ${exit} when there is ${name}, and makes nothing`, async (t) => {
    const cwd = await makeDirectory('claimgate-cli')
    t.teardown(() => rm(cwd, { recursive: true, force: true }))
    for (const command of [
      ['user', 'list'],
      ['migrate', '--status'],
    ]) {
      const { code, stdout, stderr } = await runCommand(command, cwd, { env })
      t.is(code, exit, stderr)
      t.is(stdout, '')
      t.regex(stderr, message)
      t.false(stderr.includes(secret))
      t.is(stderr.trim().split('\n').length, 1)
    }
    t.deepEqual(await readdir(cwd), [])
  })
}

test.serial('a wrong password in DATABASE_URL is 69, and not printed', async (t) => {
  if (d.env.DATABASE_URL === undefined) return t.pass()
  const url = new URL(d.env.DATABASE_URL)
  url.password = secret
  const { code, stderr } = await d.run('user list', { env: { DATABASE_URL: url.href } })
  t.is(code, 69)
  t.regex(stderr, /^claimgate: The database cannot be opened\. password authentication failed[^\n]+\n$/)
  t.false(stderr.includes(secret))
})

test.serial('without an embedded database, what only reads says so and makes none', async (t) => {
  const cwd = await makeDirectory('claimgate-cli')
  t.teardown(() => rm(cwd, { recursive: true, force: true }))
  await writeFile(join(cwd, '.env'), 'AUTH_DATA_DIR=./elsewhere\n')
  const { code, stderr } = await runCommand(['user', 'show', 'alice'], cwd)
  t.is(code, 66)
  t.regex(stderr, /^claimgate: There is no database in \.\/elsewhere\.[^\n]+\n$/)
  const status = await runCommand(['migrate', '--status'], cwd)
  t.is(status.code, 0)
  t.regex(status.stdout, /^0001_seed +no$/m)
  t.deepEqual(await readdir(cwd), ['.env'])
})

test.serial('hasura apply knows the anonymous role that .env names, and gives it nothing', async (t) => {
  const cwd = await makeDirectory('claimgate-cli')
  t.teardown(() => rm(cwd, { recursive: true, force: true }))
  await writeFile(
    join(cwd, '.env'),
    'AUTH_ANONYMOUS_ROLE=guest\nHASURA_GRAPHQL_ADMIN_SECRET=a secret for tests\n',
  )
  const args = ['hasura', 'apply', '--endpoint', 'http://127.0.0.1:9', '--user-role', 'guest']
  const { code, stderr } = await runCommand(args, cwd)
  t.is(code, 64)
  t.regex(stderr, /^claimgate: --user-role must be a role that requires a token/)
})
