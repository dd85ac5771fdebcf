import { randomUUID } from 'node:crypto'
import { appTest, engines, quick, type SessionBody, startApp, type TestApp } from '../_app.ts'
import { badFields, refused } from '../_problem.ts'
import test from '../_test.ts'
import { profiles } from '../stores/_profiles.ts'

const sessionMembers = [
  'defaultRole',
  'emailVerified',
  'expiresIn',
  'id',
  'level',
  'refreshExpiresIn',
  'refreshToken',
  'roles',
  'token',
  'tokenType',
  'username',
]

const signupBody = (username: string, password = 'correct horse') => ({
  username,
  password,
  confirmPassword: password,
})

for (const engine of engines) {
  let app: TestApp
  test.serial.before(`${engine}: start`, async () => {
    app = await startApp({ engine })
  })
  test.after.always(`${engine}: stop`, () => app?.close())

  const usersCalled = async (username: string): Promise<number> => {
    const text = 'SELECT count(*)::int AS n FROM "user" WHERE username_key(username) = username_key($1)'
    return (await app.sql<{ n: number }>(text, [username]))[0]?.n ?? -1
  }

  test(`${engine}: POST /signup answers the session of a new user, as the seed's README shows it`, async (t) => {
    const answer = await app.post<SessionBody>('/signup', signupBody('test123', 'test123'))
    t.is(answer.status, 200)
    t.is(answer.headers.get('cache-control'), 'no-store')
    t.regex(answer.headers.get('content-type') ?? '', /^application\/json(;|$)/)
    const { body } = answer
    t.deepEqual(Object.keys(body).sort(), sessionMembers)
    t.is(body.username, 'test123')
    t.deepEqual(body.roles, ['user'])
    t.is(body.defaultRole, 'user')
    t.is(body.tokenType, 'Bearer')
    t.is(body.expiresIn, 900)
    t.is(body.refreshExpiresIn, 14 * 86_400)
    t.is((await app.claimsOf(body.token))['x-hasura-user-id'], body.id)
    t.is((await app.login('test123', 'test123')).body.id, body.id)
  })

  test(`${engine}: a duplicate in a table of the owner's is a logged server_error of POST /signup`, async (t) => {
    for (const text of profiles) await app.sql(text)
    await app.signup('profile-1')
    const answer = await app.post('/signup', signupBody('profile-2'))
    refused(t, answer, 500, 'server_error')
    t.notRegex(JSON.stringify(answer.body), /profile_kind_key/)
    const line = app.logs.find(({ code }) => code === 'server_error')
    t.regex(JSON.stringify(line), /profile_kind_key/)
  })

  test(`${engine}: POST /signup keeps an e-mail address, and does not take it for proven`, async (t) => {
    const { body } = await app.post<SessionBody>('/signup', {
      ...signupBody('mail'),
      email: 'mail@example.com',
    })
    const [row] = await app.sql('SELECT email, email_verified, active FROM "user" WHERE id = $1', [body.id])
    t.deepEqual(row, { email: 'mail@example.com', email_verified: false, active: true })
  })

  test(`${engine}: POST /signup stores a hash, never the password`, async (t) => {
    const { id } = await app.signup('hashed', 'swordfish-9')
    const [row] = await app.sql<{ password: string }>('SELECT password FROM "user" WHERE id = $1', [id])
    t.regex(row?.password ?? '', /^\$2b\$04\$.{53}$/)
    const dump = await app.sql<{ text: string }>(
      `SELECT u::text || coalesce(s::text, '') AS text FROM "user" u LEFT JOIN session s ON s.user_id = u.id`,
    )
    t.false(dump.some(({ text }) => text.includes('swordfish')))
  })

  const twins: [first: string, second: string, what: string][] = [
    ['Bob', 'bOB', 'case'],
    ['École', 'éCOLE', 'the case of letters beyond ASCII'],
    ['caf\u00e9', 'cafe\u0301', 'how an accent is composed'],
    ['ﬁona', 'FIONA', 'a ligature'],
    ['ｗｉｄｅ', 'Wide', 'the width of letters'],
  ]
  for (const [first, second, what] of twins) {
    test(`${engine}: usernames are one and the same without regard to ${what}`, async (t) => {
      const { id } = await app.signup(first)
      refused(t, await app.post('/signup', signupBody(second)), 409, 'username_taken')
      const { status, body } = await app.login(second)
      t.is(status, 200)
      t.is(body.id, id)
      t.is(body.username, first)
      t.is(await usersCalled(second), 1)
    })
  }

  test(`${engine}: of 20 sign-ups of one name at once exactly one makes a user`, async (t) => {
    const name = `race-${randomUUID()}`
    const spellings = Array.from({ length: 20 }, (_, index) => (index % 2 ? name : name.toUpperCase()))
    const answers = await Promise.all(spellings.map((spelling) => app.post('/signup', signupBody(spelling))))
    const won = answers.filter(({ status }) => status === 200)
    t.is(won.length, 1)
    for (const answer of answers) if (answer !== won[0]) refused(t, answer, 409, 'username_taken')
    t.is(await usersCalled(name), 1)
    const sessions = await app.sql(
      'SELECT s.id FROM session s JOIN "user" u ON u.id = s.user_id WHERE username_key(username) = $1',
      [name],
    )
    t.is(sessions.length, 1)
  })

  test(`${engine}: POST /signup takes a username of 255 characters outside the basic plane`, async (t) => {
    const name = '𝄞'.repeat(255)
    t.is((await app.signup(name)).username, name)
    t.is((await app.login(name)).status, 200)
  })

  const wrong: [what: string, change: Record<string, unknown>, fields: string[]][] = [
    ['a confirmation that differs', { confirmPassword: 'correct house' }, ['confirmPassword']],
    ['a password of 3 characters', { password: '𝄞𝄞𝄞', confirmPassword: '𝄞𝄞𝄞' }, ['password']],
    ['a username that ends in white space', { username: 'eve ' }, ['username']],
    ['a username with a direction mark', { username: 'eve\u202e' }, ['username']],
    ['a username that is too long twice over', { username: ' '.repeat(600) }, ['username']],
    ['an e-mail address without @', { email: 'eve' }, ['email']],
    ['a role', { roles: ['admin'] }, ['roles']],
    [
      'everything wrong',
      { username: '', password: 1, confirmPassword: null, email: [], id: 1 },
      ['confirmPassword', 'email', 'id', 'password', 'username'],
    ],
  ]
  for (const [what, change, fields] of wrong) {
    test(`${engine}: POST /signup refuses ${what} with one entry for each bad field`, async (t) => {
      const answer = await app.post('/signup', { ...signupBody('eve'), ...change })
      refused(t, answer, 422, 'validation_failed')
      t.deepEqual(badFields(answer), fields)
      t.is(await usersCalled('eve'), 0)
    })
  }
}

test.serial(
  'POST /signup is closed by AUTH_SIGNUP=false, whatever the body',
  appTest({ engine: quick, env: { AUTH_SIGNUP: 'false' } }, async (t, app) => {
    refused(t, await app.post('/signup', signupBody('late')), 403, 'signup_disabled')
    refused(t, await app.post('/signup', {}), 403, 'signup_disabled')
    t.deepEqual(await app.sql('SELECT id FROM "user"'), [])
  }),
)
