import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runProcess, startProcess } from '../_process.ts'
import test from '../_test.ts'
import { createFolder } from '../database/_databases.ts'

test.serial(
  'all problems of the environment are reported at once, by name and not by value, with 78',
  async (t) => {
    const folder = await createFolder(t)
    const bad = {
      PORT: '99999',
      AUTH_PUBLIC_URL: 'ftp-value',
      AUTH_SECRET: 'short-value',
      AUTH_SIGNUP: 'perhaps-value',
      AUTH_PRIVATE_KEY: 'no-key-value',
      AUTH_BCRYPT_COST: 'costly-value',
      AUTH_REDIRECT_ORIGINS: 'https://a.example/?path-value',
      DATABASE_URL: 'mysql://user:password-value@db/app',
      AUTH_PAGES_LOGO: '/nowhere/logo-value',
      AUTH_PAGES_LANGUAGE: 'xx',
    }
    const { code, stdout, stderr } = await runProcess({ ...bad, AUTH_GITHUB_CLIENT_ID: 'id-value' }, folder)
    t.is(code, 78)
    const named = [...stderr.matchAll(/^ {2}([A-Z][A-Z_]+) /gm)].map(([, name]) => name)
    t.deepEqual(named.sort(), [...Object.keys(bad), 'AUTH_GITHUB_CLIENT_SECRET'].sort())
    t.notRegex(stdout + stderr, /-value|99999/)
    t.notRegex(stdout, /listens/)
    t.deepEqual(await readdir(folder), [])
  },
)

test.serial(
  'a missing logo and an unknown language are both reported, also without other problems',
  async (t) => {
    const folder = await createFolder(t)
    const bad = { AUTH_PAGES_LOGO: '/nowhere/logo', AUTH_PAGES_LANGUAGE: 'xx' }
    const { code, stderr } = await runProcess(bad, folder)
    t.is(code, 78)
    t.regex(
      stderr,
      /^ {2}AUTH_PAGES_LOGO must name a readable file\n {2}AUTH_PAGES_LANGUAGE must be one of de, en$/m,
    )
  },
)

test.serial('a DATABASE_URL without a secret or a key is rejected with 78 and what to set', async (t) => {
  const folder = await createFolder(t)
  const { code, stderr } = await runProcess({ DATABASE_URL: 'postgres://user:hidden@db.invalid/app' }, folder)
  t.is(code, 78)
  t.regex(
    stderr,
    /^ {2}AUTH_SECRET \(or AUTH_PRIVATE_KEY\) must be set when DATABASE_URL is \(try: openssl rand .*\)$/m,
  )
  t.notRegex(stderr, /hidden/)
})

test.serial(
  'a variable of another server that closed the sign-up ends the start with 78 and the new name',
  async (t) => {
    const folder = await createFolder(t)
    const { code, stdout, stderr } = await runProcess(
      { AUTH_DISABLE_SIGNUP: 'true', ALLOWED_EMAIL_DOMAINS: 'hidden.example' },
      folder,
    )
    t.is(code, 78)
    t.regex(
      stderr,
      /^ {2}AUTH_DISABLE_SIGNUP of hasura-auth restricts nothing here: set AUTH_SIGNUP=false\. Then remove AUTH_DISABLE_SIGNUP$/m,
    )
    t.regex(
      stderr,
      /^ {2}ALLOWED_EMAIL_DOMAINS of hasura-backend-plus restricts nothing here: .*AUTH_SIGNUP=false/m,
    )
    t.notRegex(stdout + stderr, /hidden|listens/)
    t.deepEqual(await readdir(folder), [])

    const gateway = await startProcess({ AUTH_DISABLE_SIGNUP: 'false' }, folder)
    t.teardown(() => gateway.stop('SIGKILL'))
    t.regex(
      gateway.output(),
      /AUTH_DISABLE_SIGNUP is a variable of hasura-auth, and has no effect; set AUTH_SIGNUP=false/,
    )
  },
)

test.serial('.env in the working directory is read, and the environment wins over it', async (t) => {
  const folder = await createFolder(t)
  await writeFile(
    join(folder, '.env'),
    '# comment\nAUTH_ISSUER="https://file.example"\nAUTH_AUDIENCE=file\nAUTH_DATA_DIR=elsewhere\n',
  )
  const gateway = await startProcess({ AUTH_AUDIENCE: 'environment' }, folder)
  t.teardown(() => gateway.stop('SIGKILL'))
  t.regex(gateway.output(), /"issuer":"https:\/\/file\.example","audience":"environment"/)
  t.deepEqual((await readdir(folder)).sort(), ['.env', 'elsewhere'])
})

test.serial('an invalid value in .env is rejected like any other', async (t) => {
  const folder = await createFolder(t)
  await writeFile(join(folder, '.env'), 'AUTH_JWKS_MAX_AGE=never\n')
  const { code, stderr } = await runProcess({}, folder)
  t.is(code, 78)
  t.regex(stderr, /^ {2}AUTH_JWKS_MAX_AGE must be a whole number/m)
})

test.serial('a missing logo or an unknown language of the pages is rejected with 78', async (t) => {
  const folder = await createFolder(t)
  for (const [name, value] of [
    ['AUTH_PAGES_LOGO', 'no-such-value.svg'],
    ['AUTH_PAGES_LANGUAGE', 'xx'],
  ] as const) {
    const { code, stderr } = await runProcess({ [name]: value }, folder)
    t.is(code, 78)
    t.regex(stderr, new RegExp(`^ {2}${name} must `, 'm'))
    t.notRegex(stderr, /-value/)
  }
  t.deepEqual(await readdir(folder), [])
})

test.serial(
  'an unknown variable that looks like one of Claimgate, an unsafe setting and an open file are logged as warnings',
  async (t) => {
    const env = { AUTH_SIGN_UP: 'false', AUTH_PUBLIC_URL: 'http://auth.test', AUTH_SECRET: 'x'.repeat(32) }
    const folder = await createFolder(t)
    await writeFile(join(folder, '.env'), 'AUTH_AUDIENCE=hasura\n', { mode: 0o644 })
    const gateway = await startProcess(env, folder)
    t.teardown(() => gateway.stop('SIGKILL'))
    const names = [...gateway.output().matchAll(/^\{"level":40.*"name":"([\w.]+)"/gm)].map(([, name]) => name)
    t.deepEqual(names, ['AUTH_SIGN_UP', 'AUTH_PUBLIC_URL', 'AUTH_RATE_LIMIT', 'AUTH_SECRET', '.env'])
  },
)
