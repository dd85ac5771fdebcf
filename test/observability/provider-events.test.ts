import type { CallOptions, SessionBody } from '../_app.ts'
import test from '../_test.ts'
import {
  githubber,
  home,
  openBrowser,
  proven,
  type Stage,
  sentHome,
  signIn,
  startStage,
} from '../authentication/_sign-in.ts'
import { during } from './_events.ts'

let stage: Stage
test.before('start', async () => {
  stage = await startStage()
})
test.after.always('stop', () => stage?.stop())

const bearer = ({ token }: SessionBody, options: CallOptions = {}): CallOptions => ({
  ...options,
  headers: { Authorization: `Bearer ${token}` },
})

test.serial('a first sign-in with a provider is a sign-up and a login, the next only a login', async (t) => {
  const person = githubber()
  const first = await during(stage.app, () => signIn(stage, 'github', person, { redirect_to: home }))
  t.deepEqual(first.names, ['signup', 'login.ok'])
  for (const event of first.events) t.like(event, { provider: 'github' })
  t.is(first.events[0]?.userId, first.events[1]?.userId)
  const code = sentHome(t, first.answer).get('code') ?? ''
  t.deepEqual((await during(stage.app, () => stage.app.post('/token/exchange', { code }))).names, [])
  t.like((await during(stage.app, () => stage.app.post('/token/exchange', { code }))).events, {
    length: 1,
    0: { event: 'exchange.failed', code: 'invalid_code' },
  })
  t.deepEqual((await during(stage.app, () => signIn(stage, 'github', person))).names, ['login.ok'])
})

test.serial(
  'a provider that fails is a warning besides the failed login, also when the user is redirected to the app',
  async (t) => {
    stage.fake.fault('google', 'profile', 'status:500')
    const { events } = await during(stage.app, () =>
      signIn(stage, 'google', { sub: '1' }, { redirect_to: home }),
    )
    stage.fake.fault('google', 'profile', null)
    t.like(events, {
      length: 2,
      0: { event: 'provider.failed', level: 40, provider: 'google', code: 'provider_error' },
      1: { event: 'login.failed', level: 30, provider: 'google', code: 'provider_error' },
    })
  },
)

test.serial('a callback that this browser did not start is a failed login', async (t) => {
  const { events } = await during(stage.app, () => stage.app.get('/auth/github/callback?state=s&code=c'))
  t.like(events, {
    length: 2,
    0: { event: 'state.refused', provider: 'github', code: 'invalid_state' },
    1: { event: 'login.failed', provider: 'github', code: 'invalid_state' },
  })
})

test.serial(
  'a query at a start is not taken for the answer of the provider: no failure is announced',
  async (t) => {
    const { app, fake } = stage
    const session = await app.signup('questioner')
    for (const query of ['error=x', 'error=access_denied', 'code=x', 'code=x&state=y']) {
      const link = await during(app, () =>
        app.call('POST', `/user/identities/github?${query}`, bearer(session, { body: {} })),
      )
      t.is(link.answer.body.code, 'validation_failed')
      const start = await during(app, () => app.get(`/auth/github?${query}`))
      t.is(start.answer.body.code, 'validation_failed')
      const page = await during(app, () => app.get(`/signin/github?${query}`))
      t.is(page.answer.status, 302)
      const { origin, pathname } = new URL(page.answer.headers.get('location') ?? '')
      t.is(origin + pathname, fake.github.authorizationUrl)
      t.deepEqual([...link.names, ...start.names, ...page.names], [])
    }
  },
)

test.serial(
  'linking a provider, a rejected link and unlinking are announced, and do not count as logins',
  async (t) => {
    const { app, fake } = stage
    const session = await app.signup('gustav')
    const link = async (profile: ReturnType<typeof githubber>) => {
      const answer = await app.call('POST', '/user/identities/github', bearer(session, { body: {} }))
      const browser = openBrowser(app)
      for (const cookie of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
        browser.cookies.set(name, value)
      }
      return during(stage.app, () => browser.visit(fake.authorize(String(answer.body.url), profile)))
    }
    const taken = githubber('taken', proven('taken@example.com'))
    await signIn(stage, 'github', taken)
    t.like((await link(taken)).events, {
      length: 1,
      0: { event: 'identity.refused', provider: 'github', userId: session.id, code: 'identity_taken' },
    })
    t.like((await link(githubber())).events, {
      length: 1,
      0: { event: 'identity.linked', provider: 'github', userId: session.id },
    })
    const gone = await during(stage.app, () => app.call('DELETE', '/user/identities/github', bearer(session)))
    t.like(gone.events, {
      length: 1,
      0: { event: 'identity.unlinked', provider: 'github', userId: session.id },
    })
  },
)
