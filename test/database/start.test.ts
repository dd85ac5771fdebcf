import { createServerDatabase, engines } from '../_app.ts'
import { ask } from '../_client.ts'
import { awayLine, runProcess, startProcess } from '../_process.ts'
import test from '../_test.ts'
import { createFolder } from './_databases.ts'

const secret = 'a secret that must not be printed 0123456789'
const password = 'a-password-that-must-not-be-printed'

// Node reports refused connections to several addresses by an error without a message.
const twoAddresses = `import dns from 'node:dns'
const { lookup } = dns
const two = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }))
dns.lookup = (name, ...rest) => name === 'two.test' ? rest.at(-1)(null, two) : lookup(name, ...rest)`

const cases = [
  { what: 'no server listens', host: '127.0.0.1:1', message: /connect ECONNREFUSED 127\.0\.0\.1:1\b/ },
  {
    what: 'no server listens at either of two addresses',
    host: 'two.test:1',
    message: /connect ECONNREFUSED 127\.0\.0\.1:1; connect ECONNREFUSED 127\.0\.0\.2:1\b/,
    options: `--import=data:text/javascript,${encodeURIComponent(twoAddresses)}`,
  },
  {
    what: 'the name is unknown',
    host: 'nowhere.invalid:5432',
    message: /getaddrinfo \w+ nowhere\.invalid\b/,
  },
]

for (const { what, host, message, options = '' } of cases) {
  test(`a start retries, with the reason and no secret in the log, when ${what}`, async (t) => {
    const databaseUrl = `postgres://claimgate:${password}@${host}/app`
    const gateway = await startProcess(
      { DATABASE_URL: databaseUrl, AUTH_SECRET: secret, NODE_OPTIONS: options },
      await createFolder(t),
      awayLine,
    )
    t.teardown(() => gateway.stop('SIGKILL'))
    t.is((await ask(`${gateway.url}/healthz`)).status, 200)
    t.is((await ask(`${gateway.url}/readyz`)).status, 503)
    t.regex(gateway.output(), /"message":"The database cannot be used: /)
    t.regex(gateway.output(), message)
    t.deepEqual(await gateway.stop(), { code: 0, signal: null })
    for (const hidden of [secret, password]) t.false(gateway.output().includes(hidden))
    t.notRegex(gateway.output(), /listens on|did not/)
  })
}

if (engines.includes('server')) {
  const refused = [
    {
      what: 'the password is wrong',
      from: /:[^:@]+@/,
      to: `:${password}@`,
      message: /password authentication failed for user/,
    },
    {
      what: 'the database does not exist',
      from: /[^/]+$/,
      to: 'missing',
      message: /"missing" does not exist/,
    },
  ]
  for (const { what, from, to, message } of refused) {
    test(`a start fails with 1, the reason and no secret when ${what}`, async (t) => {
      const url = new URL((await createServerDatabase()).replace(from, to))
      const env = { DATABASE_URL: url.href, AUTH_SECRET: secret }
      const { code, stdout, stderr } = await runProcess(env, await createFolder(t))
      t.is(code, 1)
      t.regex(stderr, /^Claimgate did not start\. The database cannot be used: /)
      t.regex(stderr, message)
      for (const hidden of [secret, url.password]) t.false((stdout + stderr).includes(hidden))
    })
  }
}
