import { type Answer, quick, type SessionBody, startApp, type TestApp } from '../_app.ts'
import { type FakeProvider, type GithubProfile, startFakeProvider } from '../_fake-provider.ts'
import { refused } from '../_problem.ts'
import test from '../_test.ts'

let app: TestApp
let fake: FakeProvider

test.before(async () => {
  fake = await startFakeProvider()
  app = await startApp({
    engine: quick,
    env: {
      ...fake.github.environment,
      ...fake.google.environment,
      AUTH_REDIRECT_ORIGINS: 'https://app.test',
    },
  })
})
test.after.always(async () => {
  await app?.close()
  await fake?.stop()
})

const person = (id: number, login: string): GithubProfile => ({
  user: { id, login },
  emails: [{ email: `${login}@example.com`, primary: true, verified: true }],
})
const bearer = ({ token }: SessionBody) => ({ Authorization: `Bearer ${token}` })
const cookieOf = (answer: Answer) => (answer.headers.getSetCookie()[0] ?? '').split(';')[0] as string

async function startLink(session: SessionBody, body: object = {}) {
  const answer = await app.call<{ url: string }>('POST', '/user/identities/github', {
    headers: bearer(session),
    body,
  })
  return { answer, cookie: cookieOf(answer as Answer), url: answer.body.url }
}

function comeBack(callback: string, cookie: string) {
  const { pathname, search } = new URL(callback)
  return app.get(pathname + search, { Cookie: cookie })
}

async function link(session: SessionBody, profile: GithubProfile, body: object = {}) {
  const { cookie, url } = await startLink(session, body)
  return comeBack(fake.authorize(url, profile), cookie)
}

async function signInWithGithub(profile: GithubProfile) {
  const start = await app.get('/auth/github')
  return comeBack(fake.authorize(start.headers.get('location') as string, profile), cookieOf(start))
}

test('linking starts signed in, and afterwards the provider leads to the same user', async (t) => {
  const mine = await app.signup('linker')
  const { answer } = await startLink(mine)
  t.is(answer.status, 200)
  t.is(answer.headers.get('location'), null)
  t.true(answer.body.url.startsWith(fake.github.authorizationUrl))
  const linked = await link(mine, person(1, 'linker-gh'))
  t.is(linked.status, 200)
  t.deepEqual(linked.body, { linked: 'github' })
  const { body } = await signInWithGithub(person(1, 'linker-gh'))
  t.is(body.id, mine.id)
  const user = await app.as(mine).get<{ identities: unknown[] }>('/user')
  t.is(user.body.identities.length, 1)
})

test('linking twice is no error; linking an identity of another user is 409 and merges no users', async (t) => {
  const mine = await app.signup('first-owner')
  const other = await app.signup('second-owner')
  t.is((await link(mine, person(2, 'twice'))).status, 200)
  t.is((await link(mine, person(2, 'twice'))).status, 200)
  const refused = await link(other, person(2, 'twice'))
  t.is(refused.status, 409)
  t.is(refused.body.code, 'identity_taken')
  t.is((await signInWithGithub(person(2, 'twice'))).body.id, mine.id)
})

test('the result of a link goes to redirectTo, an allowed one, and so do its failures', async (t) => {
  const mine = await app.signup('redirected')
  const other = await app.signup('redirected-too')
  const body = { redirectTo: 'https://app.test/account?tab=1' }
  const linked = await link(mine, person(3, 'redirected-gh'), body)
  t.is(linked.headers.get('location'), 'https://app.test/account?tab=1&linked=github')
  const refused = await link(other, person(3, 'redirected-gh'), body)
  t.is(new URL(refused.headers.get('location') as string).searchParams.get('error'), 'identity_taken')
  const foreign = await startLink(mine, { redirectTo: 'https://evil.test/' })
  t.is(foreign.answer.status, 403)
  t.is((foreign.answer.body as Record<string, unknown>).code, 'redirect_not_allowed')
})

test('a link is bound to the browser, and to a session that is still alive when it comes back', async (t) => {
  const mine = await app.signup('bound')
  const { url, cookie } = await startLink(mine)
  const callback = fake.authorize(url, person(4, 'bound-gh'))
  t.is((await comeBack(callback, '')).body.code, 'invalid_state')
  await app.post('/logout', { refreshToken: mine.refreshToken })
  t.is((await comeBack(callback, cookie)).body.code, 'invalid_state')
  const [row] = await app.sql<{ count: number }>(`SELECT count(*)::int FROM identity WHERE subject = '4'`)
  t.is(row?.count, 0)
})

test('linking needs an access token and knows its body', async (t) => {
  t.is((await app.post('/user/identities/github', {})).status, 401)
  const mine = await app.signup('strict')
  const headers = bearer(mine)
  t.is((await app.call('POST', '/user/identities/github', { headers, body: { userId: 'x' } })).status, 422)
  for (const name of ['nobody', 'local', '__proto__']) {
    const unknown = await app.call('POST', `/user/identities/${name}`, { headers, body: {} })
    refused(t, unknown, 404, 'not_found')
    const other = await app.call('PUT', `/user/identities/${name}`, { headers, body: {} })
    refused(t, other, 405, 'method_not_allowed')
    t.regex(other.headers.get('allow') ?? '', /DELETE/)
  }
})

test('unlinking takes the provider away, but never the last way in', async (t) => {
  const mine = await app.signup('unlinker')
  await link(mine, person(5, 'unlinker-gh'))
  const unlink = (session: SessionBody) => app.as(session).call('DELETE', '/user/identities/github')
  t.is((await unlink(mine)).status, 204)
  t.is((await unlink(mine)).status, 404)
  const only = (await signInWithGithub(person(6, 'only-gh'))).body as unknown as SessionBody
  const refused = await unlink(only)
  t.is(refused.status, 409)
  t.is(refused.body.code, 'last_way_in')
  t.is((await signInWithGithub(person(6, 'only-gh'))).body.id, only.id)
})

test('two of two ways in cannot be taken away by two requests at once', async (t) => {
  const only = (await signInWithGithub(person(7, 'two-ways'))).body as unknown as SessionBody
  await app.sql(`INSERT INTO identity (provider, subject, user_id) VALUES ('google', 'g7', $1)`, [only.id])
  const answers = await Promise.all(
    ['github', 'google'].map((name) => app.as(only).call('DELETE', `/user/identities/${name}`)),
  )
  t.deepEqual(answers.map(({ status }) => status).sort(), [204, 409])
})

test('a verified e-mail of an existing user never leads into that account: 409 says what to do', async (t) => {
  const mine = await app.signup('owner-of-mail')
  await app.sql('UPDATE "user" SET email = $2, email_verified = true WHERE id = $1', [
    mine.id,
    'shared@example.com',
  ])
  const profile = {
    user: { id: 8, login: 'other' },
    emails: [{ email: 'Shared@Example.com', primary: true, verified: true }],
  }
  const refused = await signInWithGithub(profile)
  t.is(refused.status, 409)
  t.is(refused.body.code, 'link_required')
  t.regex(refused.body.detail as string, /Sign in the way you did before/)
  t.is((await link(mine, profile)).status, 200)
  t.is((await signInWithGithub(profile)).body.id, mine.id)
})

test('an unverified local e-mail is no reason to link: the new user simply gets no say over it', async (t) => {
  await app.post('/signup', {
    username: 'squatter',
    password: 'correct horse',
    confirmPassword: 'correct horse',
    email: 'victim@example.com',
  })
  const profile = {
    user: { id: 9, login: 'victim' },
    emails: [{ email: 'victim@example.com', primary: true, verified: true }],
  }
  const { status, body } = await signInWithGithub(profile)
  t.is(status, 200)
  t.is(body.username, 'victim')
})
