import { createHmac, randomBytes } from 'node:crypto'
import { type Answer, appTest, engines, quick, type SessionBody, startApp, type TestApp } from '../_app.ts'
import { refused } from '../_problem.ts'
import test from '../_test.ts'

const lifetimes = { AUTH_SESSION_IDLE_LIFETIME: '1000', AUTH_SESSION_LIFETIME: '2500' }

for (const engine of engines) {
  let app: TestApp
  test.serial.before(`${engine}: start`, async () => {
    app = await startApp({ engine, env: lifetimes })
  })
  test.after.always(`${engine}: stop`, () => app?.close())

  const refresh = ({ refreshToken }: Pick<SessionBody, 'refreshToken'>): Promise<Answer<SessionBody>> =>
    app.post('/token', { refreshToken })
  const userOf = ({ token }: SessionBody): Promise<Answer> => app.as({ token }).get('/user')

  test.serial(`${engine}: POST /token answers a new session body and ends the refresh token`, async (t) => {
    const first = await app.signup('rotating')
    const { status, headers, body } = await refresh(first)
    t.is(status, 200)
    t.is(headers.get('cache-control'), 'no-store')
    t.deepEqual(Object.keys(body).sort(), Object.keys(first).sort())
    t.is(body.id, first.id)
    t.not(body.token, first.token)
    t.not(body.refreshToken, first.refreshToken)
    app.clock.advance(301)
    t.is((await refresh(body)).status, 200)
    refused(t, await refresh(first), 401, 'invalid_token')
  })

  test.serial(
    `${engine}: a refresh token works until the session has been idle for its lifetime`,
    async (t) => {
      const first = await app.signup('idle')
      app.clock.advance(999)
      const second = await refresh(first)
      t.is(second.status, 200)
      t.is(second.body.refreshExpiresIn, 1000)
      app.clock.advance(1000)
      refused(t, await refresh(second.body), 401, 'invalid_token')
    },
  )

  test.serial(`${engine}: no refresh takes a session beyond its absolute lifetime`, async (t) => {
    let { body } = { body: await app.signup('steady') }
    for (const [step, rest] of [
      [900, 1000],
      [900, 700],
      [699, 1],
    ] as const) {
      app.clock.advance(step)
      const answer = await refresh(body)
      t.is(answer.status, 200)
      t.is(answer.body.refreshExpiresIn, rest)
      t.true(answer.body.expiresIn <= rest)
      body = answer.body
    }
    app.clock.advance(1)
    refused(t, await refresh(body), 401, 'invalid_token')
    refused(t, await userOf(body), 401, 'invalid_token')
  })

  test(`${engine}: of 10 refreshes with one token at once exactly one rotates`, async (t) => {
    const session = await app.signup('impatient')
    const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(session)))
    const won = answers.filter(({ status }) => status === 200)
    t.is(new Set(won.map(({ body }) => body.refreshToken)).size, 1)
    const rows = await app.sql<{ counter: number }>('SELECT counter FROM session WHERE user_id = $1', [
      session.id,
    ])
    t.deepEqual(rows, [{ counter: 1 }])
    for (const answer of answers) if (answer.status !== 200) refused(t, answer, 401, 'invalid_token')
  })

  test(`${engine}: POST /logout ends the session, its refresh token and its access token, and no other`, async (t) => {
    const session = await app.signup('two-devices')
    const { body: other } = await app.login('two-devices')
    const answer = await app.post('/logout', { refreshToken: session.refreshToken })
    t.is(answer.status, 204)
    t.is(answer.text, '')
    refused(t, await refresh(session), 401, 'invalid_token')
    refused(t, await userOf(session), 401, 'invalid_token')
    t.is((await userOf(other)).status, 200)
    t.is((await refresh(other)).status, 200)
  })

  test(`${engine}: POST /logout a second time is 204 again`, async (t) => {
    const { refreshToken } = await app.signup('twice')
    t.is((await app.post('/logout', { refreshToken })).status, 204)
    t.is((await app.post('/logout', { refreshToken })).status, 204)
  })

  test(`${engine}: POST /logout with everywhere ends every session of the user, and no session of another user`, async (t) => {
    const session = await app.signup('everywhere')
    const { body: second } = await app.login('everywhere')
    const bystander = await app.signup('bystander')
    const body = { refreshToken: session.refreshToken, everywhere: true }
    t.is((await app.post('/logout', body)).status, 204)
    for (const ended of [session, second]) {
      refused(t, await refresh(ended), 401, 'invalid_token')
      refused(t, await userOf(ended), 401, 'invalid_token')
    }
    t.is((await userOf(bystander)).status, 200)
    t.is((await app.login('everywhere')).status, 200)
  })

  test(`${engine}: a refresh token that was forged, cut or padded is 401 at /token and /logout`, async (t) => {
    const session = await app.signup('victim')
    const { body: foreign } = await app.login('victim')
    for (const refreshToken of spoil(session.refreshToken, foreign.refreshToken)) {
      refused(t, await refresh({ refreshToken }), 401, 'invalid_token')
      refused(t, await app.post('/logout', { refreshToken, everywhere: true }), 401, 'invalid_token')
    }
    t.is((await refresh(session)).status, 200)
  })

  test(`${engine}: a refresh token or one-time code that is wrong is 401, whatever its length and characters`, async (t) => {
    const { refreshToken: good } = await app.signup('any length')
    for (const wrong of [
      '',
      ' ',
      'x'.repeat(200),
      good.repeat(4),
      'x'.repeat(16_000),
      'a\0b',
      '\ud800',
      'é漢🐎',
    ]) {
      refused(t, await refresh({ refreshToken: wrong }), 401, 'invalid_token')
      refused(t, await app.post('/logout', { refreshToken: wrong }), 401, 'invalid_token')
      refused(t, await app.post('/token/exchange', { code: wrong }), 401, 'invalid_code')
    }
  })
}

/** Texts that resemble the refresh token `good`, all of them invalid. */
function spoil(good: string, foreign: string): string[] {
  const bytes = Buffer.from(good.slice(4), 'base64url')
  const spell = (...parts: Uint8Array[]) => `cgr_${Buffer.concat(parts).toString('base64url')}`
  const body = bytes.subarray(0, 20)
  const next = Buffer.from(body)
  next.writeUInt32BE(next.readUInt32BE(16) + 1, 16)
  const mac = (key: string) => createHmac('sha256', key).update(body).digest()
  return [
    '',
    'cgr_',
    good.slice(4),
    good.slice(0, -1),
    `${good}=`,
    `${good}A`,
    ` ${good}`,
    `${good}\n`,
    good.toUpperCase(),
    good.replace('cgr_', 'CGR_'),
    `cgr_${bytes.toString('hex')}`,
    spell(next, bytes.subarray(20)),
    spell(body, Buffer.from(foreign.slice(4), 'base64url').subarray(20)),
    spell(body, mac('')),
    spell(body, mac('claimgate')),
    spell(body, randomBytes(32)),
    spell(body),
    spell(body, Buffer.alloc(32)),
    spell(bytes, Buffer.of(0)),
  ]
}

test.serial(
  'an access token never outlives its session',
  appTest(
    {
      engine: quick,
      env: { AUTH_SESSION_LIFETIME: '60', AUTH_ACCESS_TOKEN_LIFETIME: '900' },
    },
    async (t, app) => {
      const first = await app.signup('short')
      t.is(first.expiresIn, 60)
      t.is(first.refreshExpiresIn, 60)
      app.clock.advance(45)
      const { body: second } = await app.post<SessionBody>('/token', { refreshToken: first.refreshToken })
      t.is(second.expiresIn, 15)
      t.is(second.refreshExpiresIn, 15)
      app.clock.advance(15)
      refused(t, await app.post('/token', { refreshToken: second.refreshToken }), 401, 'invalid_token')
      for (const { token } of [first, second]) {
        refused(t, await app.as({ token }).get('/user'), 401, 'invalid_token')
      }
    },
  ),
)

test.serial(
  'a refresh gives a token that is still good, or none, in whatever part of a second it comes',
  appTest({ engine: quick, env: { AUTH_SESSION_LIFETIME: '60' } }, async (t, app) => {
    for (const [start, wait] of [
      [0, 59.999],
      [0.5, 59.4],
      [0.5, 59.6],
      [0.999, 59.5],
      [0.001, 59.999],
    ] as const) {
      app.clock.now = new Date(Math.ceil(app.clock.now.getTime() / 1000) * 1000 + start * 1000)
      const { refreshToken } = await app.signup(`at-${start}-${wait}`)
      app.clock.advance(wait)
      const answer = await app.post<SessionBody>('/token', { refreshToken })
      if (answer.status === 200) t.true(answer.body.expiresIn >= 1)
      else refused(t, answer, 401, 'invalid_token')
    }
  }),
)
