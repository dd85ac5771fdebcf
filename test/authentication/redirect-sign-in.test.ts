import { enginesOfRun, type SessionBody } from '../_app.ts'
import test from '../_test.ts'
import {
  anybody,
  exchange,
  githubber,
  home,
  openBrowser,
  providerNames,
  type Stage,
  sentHome,
  signIn,
  signInForCode,
  startStage,
} from './_sign-in.ts'

type Listed = { current: boolean; provider: string | null; app: string | null }

const currentSession = async ({ app }: Stage, session: SessionBody) =>
  (await app.as(session).get<Listed[]>('/user/sessions')).body.find(({ current }) => current)

for (const engine of enginesOfRun) {
  let stage: Stage
  test.serial.before(`${engine}: start`, async () => {
    stage = await startStage({ engine })
  })
  test.after.always(`${engine}: stop`, () => stage?.stop())

  for (const provider of providerNames) {
    test.serial(
      `${engine}: GET /auth/${provider} leads to the provider and back home with a code that is worth a session`,
      async (t) => {
        const code = await signInForCode(t, stage, provider, anybody[provider]())
        const { status, body, headers } = await exchange(stage.app, code)
        t.is(status, 200)
        t.is(headers.get('cache-control'), 'no-store')
        t.is(body.tokenType, 'Bearer')
        t.deepEqual(body.roles, ['user'])
        t.is(body.refreshExpiresIn, 14 * 86_400)
        const claims = await stage.app.claimsOf(body.token)
        t.is(claims['x-hasura-user-id'], body.id)
        const me = await stage.app.as(body).get('/user')
        t.like(me, { status: 200, body: { id: body.id, username: body.username } })
        t.like(await currentSession(stage, body), { provider, app: new URL(home).origin })
      },
    )

    test.serial(
      `${engine}: GET /auth/${provider}/callback answers the session when no redirect_to was asked for`,
      async (t) => {
        const { status, body, headers } = await signIn(stage, provider, anybody[provider]())
        t.is(status, 200)
        t.is(headers.get('location'), null)
        t.is(headers.get('cache-control'), 'no-store')
        t.is(body.tokenType, 'Bearer')
        t.is(body.expiresIn, 900)
        t.like(await currentSession(stage, body), { provider, app: null })
        const refreshed = await stage.app.post('/token', { refreshToken: body.refreshToken })
        t.is(refreshed.status, 200)
      },
    )

    test.serial(
      `${engine}: GET /auth/${provider} never puts a token into the URL that leads home`,
      async (t) => {
        const answer = await signIn(stage, provider, anybody[provider](), { redirect_to: home })
        t.deepEqual([...sentHome(t, answer).keys()].sort(), ['code', 'lang'])
        t.is(answer.headers.get('cache-control'), 'no-store')
        t.is(answer.headers.get('referrer-policy'), 'no-referrer')
      },
    )

    test.serial(
      `${engine}: GET /auth/${provider} shows the provider a new PKCE challenge each time, and then its verifier`,
      async (t) => {
        const profile = anybody[provider]()
        const challenges = new Set<string | null>()
        for (let round = 0; round < 2; round++) {
          const browser = openBrowser(stage.app)
          const location = await browser.start(provider)
          const query = new URL(location).searchParams
          challenges.add(query.get('code_challenge'))
          t.is(query.get('code_challenge_method'), 'S256')
          t.is(query.get('redirect_uri'), `https://gateway.test/auth/${provider}/callback`)
          const callback = fakeCallback(location, profile)
          t.is((await browser.visit(callback)).status, 200)
          const code = new URL(callback).searchParams.get('code') ?? ''
          const made = stage.fake.requests.find(({ body }) => new URLSearchParams(body).get('code') === code)
          t.is(made?.refusal, null)
          t.regex(new URLSearchParams(made?.body).get('code_verifier') ?? '', /^[\w.~-]{43,128}$/)
        }
        t.is(challenges.size, 2)
      },
    )

    test.serial(
      `${engine}: signing in with ${provider} a second time finds the same user, whatever they are called now`,
      async (t) => {
        const profile = anybody[provider]()
        const first = await signIn(stage, provider, profile)
        const renamed =
          'sub' in profile
            ? { ...profile, name: 'Another', email: `other-${profile.email}` }
            : { ...profile, user: { ...profile.user, login: `${profile.user.login}-renamed` } }
        const second = await signIn(stage, provider, renamed)
        t.is(second.body.id, first.body.id)
        t.is(second.body.username, first.body.username)
        t.is(await countUsers(first.body.username), 1)
      },
    )

    test.serial(
      `${engine}: ten first sign-ins of one ${provider} subject at the same time make one user`,
      async (t) => {
        const profile = anybody[provider]()
        const browsers = await Promise.all(
          Array.from({ length: 10 }, async () => {
            const browser = openBrowser(stage.app)
            return { browser, callback: fakeCallback(await browser.start(provider), profile) }
          }),
        )
        const answers = await Promise.all(browsers.map(({ browser, callback }) => browser.visit(callback)))
        t.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
        t.is(new Set(answers.map(({ body }) => body.id)).size, 1)
        t.is(await countUsers(answers[0]?.body.username ?? ''), 1)
      },
    )
  }

  test.serial(
    `${engine}: the roles of user_role and the user's default role are in the token of a provider sign-in`,
    async (t) => {
      const profile = githubber()
      const { body: first } = await signIn(stage, 'github', profile)
      await stage.app.sql(`INSERT INTO role (name) VALUES ('editor'), ('reviewer') ON CONFLICT DO NOTHING`)
      await stage.app.sql(
        `INSERT INTO user_role (user_id, role_id) SELECT $1, id FROM role WHERE name IN ('editor', 'reviewer')`,
        [first.id],
      )
      await stage.app.sql(
        `UPDATE "user" SET default_role_id = (SELECT id FROM role WHERE name = 'editor') WHERE id = $1`,
        [first.id],
      )
      const { body } = await signIn(stage, 'github', profile)
      t.deepEqual(body.roles, ['editor', 'reviewer', 'user'])
      t.is(body.defaultRole, 'editor')
      const claims = await stage.app.claimsOf(body.token)
      t.deepEqual(claims['x-hasura-allowed-roles'], ['editor', 'reviewer', 'user'])
      t.is(claims['x-hasura-default-role'], 'editor')
    },
  )

  function fakeCallback(location: string, profile: Parameters<Stage['fake']['authorize']>[1]): string {
    return stage.fake.authorize(location, profile)
  }

  async function countUsers(username: string): Promise<number> {
    const rows = await stage.app.sql<{ id: string }>(`SELECT id FROM "user" WHERE username LIKE $1 || '%'`, [
      username,
    ])
    return rows.length
  }
}

test('GET /auth/google passes login_hint and prompt on, and requests at the same time keep their own', async (t) => {
  const stage = await startStage({
    env: { AUTH_GOOGLE_PARAMETERS: 'hd=example.com', AUTH_GOOGLE_LABEL: 'Staff' },
  })
  t.teardown(stage.stop)
  const hints = ['ada@a.test', null, 'bob@b.test', null]
  const locations = await Promise.all(
    hints.map((hint) =>
      openBrowser(stage.app).start('google', hint === null ? {} : { login_hint: hint, prompt: 'login' }),
    ),
  )
  const queries = locations.map((location) => new URL(location).searchParams)
  t.deepEqual(
    queries.map((query) => query.get('login_hint')),
    hints,
  )
  t.deepEqual(
    queries.map((query) => query.get('prompt')),
    hints.map((hint) => hint && 'login'),
  )
  for (const query of queries) t.is(query.get('hd'), 'example.com')
  const { body } = await stage.app.get('/providers')
  t.like((body as unknown as object[]).at(-1), { name: 'google', label: 'Staff' })
  // A provider without these parameters ignores them.
  const github = new URL(await openBrowser(stage.app).start('github', { login_hint: 'ada', prompt: 'login' }))
  t.false(github.searchParams.has('prompt') || github.searchParams.has('loginHint'))
})
