import { type Answer, engines, type SessionBody, startApp, type TestApp } from '../_app.ts'
import { deactivate } from '../_grant.ts'
import { badFields, refused } from '../_problem.ts'
import test from '../_test.ts'

type UserBody = {
  id: string
  username: string
  email: string | null
  emailVerified: boolean
  roles: string[]
  defaultRole: string
  level: number
  identities: { provider: string; subject: string; email: string | null }[]
  createdAt: string
}

for (const engine of engines) {
  let app: TestApp
  test.serial.before(`${engine}: start`, async () => {
    app = await startApp({ engine })
  })
  test.after.always(`${engine}: stop`, () => app?.close())

  const userOf = ({ token }: Pick<SessionBody, 'token'>): Promise<Answer<UserBody>> =>
    app.as({ token }).get('/user')
  const refresh = ({ refreshToken }: Pick<SessionBody, 'refreshToken'>): Promise<Answer<SessionBody>> =>
    app.post('/token', { refreshToken })

  test(`${engine}: POST /login answers a session of its own each time`, async (t) => {
    const first = await app.signup('ann')
    const { status, headers, body } = await app.login('ann')
    t.is(status, 200)
    t.is(headers.get('cache-control'), 'no-store')
    t.deepEqual(Object.keys(body).sort(), Object.keys(first).sort())
    t.is(body.id, first.id)
    t.not(body.refreshToken, first.refreshToken)
    t.is((await app.sql('SELECT id FROM session WHERE user_id = $1', [first.id])).length, 2)
  })

  test(`${engine}: POST /login says the same of an unknown user, a wrong password, a user without one and an inactive user`, async (t) => {
    await app.signup('known')
    await app.sql(`INSERT INTO "user" (username) VALUES ('provider-only')`)
    await deactivate(app, (await app.signup('inactive')).id)
    const answers = [
      await app.login('nobody'),
      await app.login('known', 'wrong password'),
      await app.login('provider-only'),
      await app.login('inactive'),
      await app.login('inactive', 'wrong password'),
    ]
    for (const answer of answers) refused(t, answer, 401, 'invalid_credentials')
    const shapes = answers.map(({ text, headers }) => {
      const own = new RegExp(headers.get('x-request-id') ?? '', 'g')
      const shown = [...headers].filter(([name]) => name !== 'date')
      return JSON.stringify([text, shown]).replace(own, 'ID')
    })
    t.deepEqual(new Set(shapes).size, 1, shapes.join('\n'))
  })

  test(`${engine}: POST /login does not trim, truncate or fold a password`, async (t) => {
    await app.signup('exact', 'Correct Horse')
    for (const password of ['correct horse', 'Correct Horse ', 'Correct Hors', 'Correct Horse\u0301']) {
      refused(t, await app.login('exact', password), 401, 'invalid_credentials')
    }
  })

  test(`${engine}: POST /login takes a password however its accents are composed`, async (t) => {
    await app.signup('composed', 'caf\u00e9 cr\u00e8me')
    t.is((await app.login('composed', 'cafe\u0301 cre\u0300me')).status, 200)
  })

  test(`${engine}: POST /login takes neither user nor password from the query`, async (t) => {
    await app.signup('query', 'correct horse')
    const query = '/login?username=query&password=correct+horse'
    const answer = await app.post(query, {})
    refused(t, answer, 422, 'validation_failed')
    t.deepEqual(badFields(answer), ['password', 'username'])
    const other = await app.post(query, { username: 'query', password: 'wrong' })
    refused(t, other, 401, 'invalid_credentials')
  })

  test(`${engine}: GET /user answers who the token speaks for`, async (t) => {
    const session = await app.signup('Maé')
    await app.sql(`UPDATE "user" SET email = 'mae@example.com' WHERE id = $1`, [session.id])
    await app.sql(
      `INSERT INTO identity (provider, subject, user_id, email) VALUES ('github', '42', $1, 'mae@github.test')`,
      [session.id],
    )
    const { status, body, headers } = await userOf(session)
    t.is(status, 200)
    t.is(headers.get('cache-control'), 'no-store')
    const { createdAt, ...rest } = body
    t.deepEqual(rest, {
      id: session.id,
      username: 'Maé',
      email: 'mae@example.com',
      emailVerified: false,
      roles: ['user'],
      defaultRole: 'user',
      level: 1,
      identities: [{ provider: 'github', subject: '42', email: 'mae@github.test' }],
    })
    t.is(new Date(createdAt).toISOString(), createdAt)
  })

  test(`${engine}: emailVerified is true only for an address that was proven, in every answer about the user`, async (t) => {
    const first = await app.signup('proven')
    for (const [email, verified, expected] of [
      [null, false, false],
      [null, true, false],
      ['proven@example.com', false, false],
      ['proven@example.com', true, true],
    ] as const) {
      await app.sql('UPDATE "user" SET email = $1, email_verified = $2 WHERE id = $3', [
        email,
        verified,
        first.id,
      ])
      const { body: session } = await app.login('proven')
      t.is(session.emailVerified, expected)
      t.is((await refresh(session)).body.emailVerified, expected)
      t.is((await userOf(session)).body.emailVerified, expected)
    }
    const typed = { username: 'typed', password: 'correct horse', confirmPassword: 'correct horse' }
    const answer = await app.post<SessionBody>('/signup', { ...typed, email: 'typed@example.com' })
    t.is(answer.body.emailVerified, false)
  })

  test(`${engine}: GET /user without a token is 401 and says which scheme it wants`, async (t) => {
    const answer = await app.get('/user')
    refused(t, answer, 401, 'invalid_token')
    t.regex(answer.headers.get('www-authenticate') ?? '', /^Bearer\b/)
  })

  test(`${engine}: a user who is deactivated can neither log in nor refresh nor use a token`, async (t) => {
    const session = await app.signup('leaver')
    await deactivate(app, session.id)
    refused(t, await app.login('leaver'), 401, 'invalid_credentials')
    refused(t, await refresh(session), 401, 'invalid_token')
    refused(t, await userOf(session), 401, 'invalid_token')
  })

  test(`${engine}: a user who is deleted can neither log in nor refresh nor use a token`, async (t) => {
    const session = await app.signup('gone')
    await app.sql('DELETE FROM "user" WHERE id = $1', [session.id])
    refused(t, await app.login('gone'), 401, 'invalid_credentials')
    refused(t, await refresh(session), 401, 'invalid_token')
    refused(t, await userOf(session), 401, 'invalid_token')
  })

  test(`${engine}: a new username shows at the next refresh`, async (t) => {
    const session = await app.signup('maiden')
    await app.sql(`UPDATE "user" SET username = 'married' WHERE id = $1`, [session.id])
    t.is((await refresh(session)).body.username, 'married')
    t.is((await app.login('married')).body.id, session.id)
  })

  test(`${engine}: a name in the path that no provider can have is 404`, async (t) => {
    const { token } = await app.signup('unlinking')
    for (const name of ['%00', '%27', 'GitHub', '__proto__', '%E2%80%8B', 'x'.repeat(5000)]) {
      const headers = { Authorization: `Bearer ${token}` }
      refused(t, await app.call('DELETE', `/user/identities/${name}`, { headers }), 404, 'not_found')
    }
  })
}
