import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startApp } from '../_app.ts'
import { badFields, refused } from '../_problem.ts'
import test, { type ExecutionContext } from '../_test.ts'

const strict = { AUTH_PASSWORD_POLICY: 'strict' }

async function start(t: ExecutionContext, env: Record<string, string>) {
  const app = await startApp({ env })
  t.teardown(app.close)
  const signup = (username: string, password: string) =>
    app.post('/signup', { username, password, confirmPassword: password })
  return { app, signup }
}

test.serial(
  'the strict policy refuses what is guessed first, in any case, and says which field',
  async (t) => {
    const { app, signup } = await start(t, strict)
    for (const password of [
      ...['12345678', 'password', 'PassWord', 'qwertyuiop', '1qaz2wsx', 'ｐａｓｓｗｏｒｄ'],
      ...['00000000', 'aaaaaaaa', '        ', '87654321', '0123456789', '12341234', 'abcdefgh', '987654321'],
      ...['Password1!', 'Passw0rd!', 'password1 ', '123123123', 'p@$$w0rd'],
    ]) {
      const answer = await signup('anna', password)
      refused(t, answer, 422, 'validation_failed')
      t.deepEqual(badFields(answer), ['password'], password)
    }
    t.false((await signup('anna', '1qaz2wsx')).text.includes('1qaz2wsx'))
    t.deepEqual(await app.sql('SELECT 1 FROM "user"'), [])
  },
)

test.serial(
  'the strict policy refuses what is little more than the username or the name of the product',
  async (t) => {
    const { signup } = await start(t, strict)
    for (const [username, password] of [
      ['annabella', 'annabella'],
      ['annabella', 'AnnaBella1!'],
      ['anna.maria', 'mariaanna2'],
      ['anna', 'claimgate123'],
      ['anna', 'annaclaimgate'],
      ['anna', 'claimgate1234'],
      ['bob', 'bob-2024!!'],
    ] as const) {
      refused(t, await signup(username, password), 422, 'validation_failed')
    }
  },
)

test.serial(
  'the strict policy refuses what is little more than the words of the operator, the name of the pages or the host',
  async (t) => {
    const { app, signup } = await start(t, {
      ...strict,
      AUTH_PASSWORD_WORDS: 'Umbrella, Project Xanadu,',
      AUTH_PAGES_NAME: 'Acme Portal',
      AUTH_PUBLIC_URL: 'https://login.xn--mller-brombachtal-22b.example:8443/auth',
    })
    for (const password of [
      ...['acmeportal1', 'AcmePortal1!', 'Acme Portal', 'acme-portal-22', '4cm3p0rt4l', 'portalacme'],
      ...['Umbrella:2026!', 'projectxanadu', 'XanaduUmbrella7', 'müller-brombachtal', 'brombachtal.login'],
    ]) {
      const answer = await signup('ada', password)
      refused(t, answer, 422, 'validation_failed')
      t.deepEqual(answer.body.errors, [
        {
          field: 'password',
          rule: 'context',
          detail: 'is little more than the username or the name of this service',
        },
      ])
    }
    for (const [at, password] of ['acme has a garden', 'portal to nowhere', 'example-of-mine'].entries())
      t.is((await signup(`user ${at}`, password)).status, 200, password)
    t.deepEqual(
      (await app.sql<{ username: string }>('SELECT username FROM "user"')).map(({ username }) => username),
      ['user 0', 'user 1', 'user 2'],
    )
  },
)

test.serial(
  'the strict policy asks for eight characters, of any kind, and changes none of them',
  async (t) => {
    const { app, signup } = await start(t, strict)
    refused(t, await signup('short', 'ünique7'), 422, 'validation_failed')
    refused(t, await signup('short', '🐎🐴🦄🐮🐷🐔🐧'), 422, 'validation_failed')
    refused(t, await signup('short', 'e\u0301o\u0301a\u0301u\u0301'), 422, 'validation_failed')
    const good = {
      lower: 'onlylowerletters',
      spaces: '  two  spaces  ',
      horses: '🐎🐴🦄🐮🐷🐔🐧🐦',
      digits: '8402957163',
      garden: 'annasgarden',
    }
    for (const [username, password] of Object.entries(good)) {
      t.is((await signup(username, password)).status, 200, username)
      t.is((await app.login(username, password)).status, 200)
      t.is((await app.login(username, password.trim())).status, password.trim() === password ? 200 : 401)
    }
  },
)

test.serial(
  'the strict policy holds for a changed password, and by itself with a public URL of another host',
  async (t) => {
    const { app, signup } = await start(t, { AUTH_PASSWORD_POLICY: '' })
    const { body } = await signup('annabella', 'onlylowerletters')
    const change = (newPassword: string) =>
      app.call('POST', '/user/password', {
        body: { currentPassword: 'onlylowerletters', newPassword },
        headers: { Authorization: `Bearer ${body.token}` },
      })
    for (const newPassword of ['password1', 'annabella77']) {
      const answer = await change(newPassword)
      refused(t, answer, 422, 'validation_failed')
      t.deepEqual(badFields(answer), ['newPassword'])
    }
    t.is((await change('another of lower letters')).status, 204)
  },
)

test.serial('the basic policy refuses none of these', async (t) => {
  const { signup } = await start(t, {})
  t.is((await signup('annabella', 'annabella')).status, 200)
  t.is((await signup('berta', 'password')).status, 200)
})

/** Starts a service of ranges that knows one password and keeps its requests. */
async function startRanges(t: ExecutionContext, known: string, answer = 200) {
  const digest = createHash('sha1').update(known).digest('hex').toUpperCase()
  const asked: string[] = []
  const server = createServer((req, res) => {
    asked.push(req.url ?? '')
    const padding = `${'0'.repeat(35)}:0`
    res.writeHead(answer).end([padding, `${digest.slice(5)}:37`, `${'F'.repeat(35)}:2`].join('\r\n'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()))
  t.teardown(close)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/range`
  return { url, asked, prefix: digest.slice(0, 5), close }
}

test.serial(
  'with AUTH_PASSWORD_BREACH_URL a password from a breach is refused, and five digits of its hash are all that leaves',
  async (t) => {
    const ranges = await startRanges(t, 'the one that leaked')
    const { signup } = await start(t, { AUTH_PASSWORD_BREACH_URL: ranges.url })
    const answer = await signup('anna', 'the one that leaked')
    refused(t, answer, 422, 'validation_failed')
    t.deepEqual(badFields(answer), ['password'])
    t.deepEqual(ranges.asked, [`/range/${ranges.prefix}`])
    t.is((await signup('anna', 'one that did not leak')).status, 200)
  },
)

test.serial(
  'when the breach service fails, or is away, the sign-up goes on and a warning is logged',
  async (t) => {
    const ranges = await startRanges(t, 'the one that leaked', 503)
    const { app, signup } = await start(t, { AUTH_PASSWORD_BREACH_URL: ranges.url })
    t.is((await signup('anna', 'the one that leaked')).status, 200)
    await ranges.close()
    t.is((await signup('berta', 'the one that leaked')).status, 200)
    const warnings = app.logs.filter(
      ({ msg }) => msg === 'breach check failed; the password was accepted without it',
    )
    t.is(warnings.length, 2)
    t.false(JSON.stringify(app.logs).includes('the one that leaked'))
  },
)
