import { quick, type SessionBody, startApp } from '../_app.ts'
import { startFakeProvider } from '../_fake-provider.ts'
import test from '../_test.ts'

test('a dump of every table holds no refresh token, code, state, access token, provider token, password or private key', async (t) => {
  const fake = await startFakeProvider()
  t.teardown(() => fake.stop())
  const app = await startApp({
    engine: quick,
    env: { ...fake.github.environment, AUTH_REDIRECT_ORIGINS: 'https://app.test' },
  })
  t.teardown(() => app.close())
  const secrets = new Set<string>()
  const remember = (...values: (string | null | undefined)[]) => {
    for (const value of values) if (value) secrets.add(value)
  }
  const rememberSession = ({ token, refreshToken }: SessionBody) =>
    remember(token, token.split('.')[2], refreshToken)

  rememberSession(await app.signup('dumped', 'a password to look for'))
  remember('a password to look for')
  const start = await app.get('/auth/github?redirect_to=https://app.test/')
  const cookie = (start.headers.getSetCookie()[0] ?? '').split(';')[0] as string
  const profile = {
    user: { id: 77, login: 'dumped-gh' },
    emails: [{ email: 'd@example.com', primary: true, verified: true }],
  }
  const callback = new URL(fake.authorize(start.headers.get('location') as string, profile))
  remember(callback.searchParams.get('code'), callback.searchParams.get('state'))
  const back = await app.get(callback.pathname + callback.search, { Cookie: cookie })
  const code = new URL(back.headers.get('location') as string).searchParams.get('code') as string
  remember(code, cookie.split('=')[1])
  const session = (await app.post<SessionBody>('/token/exchange', { code })).body
  rememberSession(session)
  rememberSession((await app.post<SessionBody>('/token', { refreshToken: session.refreshToken })).body)
  for (const { headers } of fake.requests) remember(headers.authorization?.replace(/^Bearer /, ''))
  const { privateKey } = app.gateway.keys.active
  const jwk = privateKey.export({ format: 'jwk' })
  remember(
    jwk.d,
    jwk.p,
    jwk.q,
    privateKey.export({ format: 'der', type: 'pkcs8' }).toString('hex').slice(-200),
  )
  t.true(secrets.size >= 15)

  const tables = await app.sql<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`,
  )
  t.true(tables.length >= 9)
  for (const { name } of tables) {
    const rows = await app.sql<{ row: string }>(`SELECT to_jsonb(x)::text AS row FROM "${name}" x`)
    const dump = rows.map(({ row }) => row).join('\n')
    for (const secret of secrets) {
      t.false(dump.includes(secret), `${name} holds ${secret.slice(0, 6)}…`)
      t.false(
        dump.includes(Buffer.from(secret).toString('hex')),
        `${name} holds ${secret.slice(0, 6)}… as bytes`,
      )
    }
  }
  const logs = JSON.stringify(app.logs)
  for (const secret of secrets) t.false(logs.includes(secret), `the log holds ${secret.slice(0, 6)}…`)
})
