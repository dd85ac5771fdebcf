import type { Answer } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import {
  anybody,
  githubber,
  home,
  openBrowser,
  providerNames,
  refused,
  type Stage,
  sentHome,
  startStage,
  tokenRequests,
} from './_sign-in.ts'

let stage: Stage
test.serial.before('start', async () => {
  stage = await startStage()
})
test.after.always('stop', () => stage?.stop())

async function almostBack(query: Record<string, string>, overrides: Record<string, string | null> = {}) {
  const browser = openBrowser(stage.app)
  return {
    browser,
    callback: stage.fake.authorize(await browser.start('github', query), githubber(), overrides),
  }
}

/** Asserts that the provider got no request. */
async function asksNobody<T>(t: ExecutionContext, visit: () => Promise<T>): Promise<T> {
  const before = stage.fake.requests.length
  const result = await visit()
  t.is(stage.fake.requests.length, before)
  return result
}

test.serial(
  'GET /auth/github/callback passes a code of 8 KB on, beside a state of 8 KB of another start',
  async (t) => {
    const code = 'c'.repeat(8192)
    const { browser, callback } = await almostBack({ redirect_to: home }, { code })
    t.is(sentHome(t, await browser.visit(callback)).get('error'), 'provider_denied')
    t.is(new URLSearchParams(tokenRequests(stage.fake).at(-1)?.body).get('code'), code)
    const unknown = await browser.visit(`/auth/github/callback?state=${'s'.repeat(8192)}&code=${code}`)
    refused(t, unknown, 403, 'invalid_state')
  },
)

for (const [what, more, error] of [
  ['a code above 8 KB', { code: 'c'.repeat(8193) }, 'invalid_state'],
  ['an issuer above 2 KB', { iss: 'i'.repeat(2001) }, 'invalid_state'],
  ['a query above 20 KB', { more: 'x'.repeat(20_480) }, 'query_too_long'],
  [
    'too many parameters',
    Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`p${at}`, ''])),
    'query_too_long',
  ],
] as const) {
  test.serial(
    `GET /auth/github/callback takes ${what} home as ${error}, and the sign-in can go on`,
    async (t) => {
      const { browser, callback } = await almostBack({ redirect_to: home })
      const long = new URL(callback)
      for (const [name, value] of Object.entries(more)) long.searchParams.set(name, value)
      const answer = await asksNobody(t, () => browser.visit(long.href))
      t.is(sentHome(t, answer).get('error'), error)
      t.truthy(sentHome(t, await browser.visit(callback)).get('code'))
    },
  )
}

test.serial(
  'GET /auth/github/callback without a known start answers a query above 20 KB directly',
  async (t) => {
    const answer = await stage.app.get(`/auth/github/callback?state=x&code=${'c'.repeat(20_480)}`)
    refused(t, answer, 414, 'query_too_long')
  },
)

test.serial('GET /auth/github/callback takes a reached limit home as rate_limited', async (t) => {
  const limited = await startStage({ env: { AUTH_RATE_LIMIT: 'on', AUTH_CALLBACK_ATTEMPTS: '1' } })
  t.teardown(limited.stop)
  const visit = async () => {
    const browser = openBrowser(limited.app)
    const location = await browser.start('github', { redirect_to: home })
    return sentHome(t, await browser.visit(limited.fake.authorize(location, githubber())))
  }
  const first = await visit()
  t.truthy(first.get('code'), String(first))
  t.is((await visit()).get('error'), 'rate_limited')
})

test.serial(
  'GET /auth/github/callback takes an unreachable database home as database_unavailable',
  async (t) => {
    const away = await startStage({ engine: 'embedded' })
    t.teardown(async () => {
      await away.app.close().catch(() => {})
      await away.fake.stop()
    })
    const browser = openBrowser(away.app)
    const location = await browser.start('github', { redirect_to: home })
    await away.app.gateway.database.close()
    const answer = await browser.visit(away.fake.authorize(location, githubber()))
    t.is(sentHome(t, answer).get('error'), 'database_unavailable')
  },
)

for (const provider of providerNames) {
  for (const error of ['access_denied', 'server_error', 'anything else']) {
    test.serial(`GET /auth/${provider}/callback takes error=${error} home as provider_denied`, async (t) => {
      const browser = openBrowser(stage.app)
      const location = await browser.start(provider, { redirect_to: home })
      const callback = stage.fake.authorize(location, anybody[provider](), {
        error,
        error_description: 'said by the provider',
        error_uri: 'https://evil.test/',
      })
      const answer = await asksNobody(t, () => browser.visit(callback))
      const query = sentHome(t, answer)
      t.is(query.get('error'), 'provider_denied')
      t.is(query.get('error_description'), 'Provider denied the sign-in')
      t.is(query.get('code'), null)
      t.is(browser.cookies.size, 0)
    })
  }
}

test.serial(
  'GET /auth/github/callback answers error=access_denied as JSON when no redirect_to was asked for',
  async (t) => {
    const { browser, callback } = await almostBack({}, { error: 'access_denied' })
    refused(t, await asksNobody(t, () => browser.visit(callback)), 401, 'provider_denied')
  },
)

test.serial(
  'GET /auth/github/callback answers error=access_denied with a wrong state as JSON, without a redirect',
  async (t) => {
    const { browser, callback } = await almostBack(
      { redirect_to: home },
      { error: 'access_denied', state: 'x'.repeat(43) },
    )
    const answer = await asksNobody(t, () => browser.visit(callback))
    refused(t, answer, 403, 'invalid_state')
    t.is(answer.headers.get('location'), null)
  },
)

test.serial('GET /auth/github/callback with an error spends the state', async (t) => {
  const { browser, callback } = await almostBack({ redirect_to: home })
  const kept = new Map(browser.cookies)
  const denied = new URL(callback)
  denied.searchParams.set('error', 'access_denied')
  t.is(sentHome(t, await browser.visit(denied.href)).get('error'), 'provider_denied')
  for (const [name, value] of kept) browser.cookies.set(name, value)
  refused(t, await asksNobody(t, () => browser.visit(callback)), 403, 'invalid_state')
})

test.serial(
  'GET /auth/github/callback without code and error signs no user in and starts no other sign-in',
  async (t) => {
    const { browser, callback } = await almostBack({ redirect_to: home }, { code: null })
    const answer = await asksNobody(t, () => browser.visit(callback))
    t.is(sentHome(t, answer).get('error'), 'provider_denied')
  },
)

for (const [what, repeat] of [
  ['code', (url: URL) => `${url.href}&code=x`],
  ['state', (url: URL) => `${url.href}&state=${url.searchParams.get('state')}`],
  ['error', (url: URL) => `${url.href}&error=a&error=b`],
] as const) {
  test.serial(`GET /auth/github/callback does not act on a repeated ${what}`, async (t) => {
    const { browser, callback } = await almostBack({ redirect_to: home })
    const answer = await asksNobody(t, () => browser.visit(repeat(new URL(callback))))
    // With two states, the start of the sign-in is unknown.
    if (what === 'state') refused(t, answer, 403, 'invalid_state')
    else t.is(sentHome(t, answer).get('error'), 'invalid_state')
    t.truthy(sentHome(t, await browser.visit(callback)).get('code'), 'and the sign-in can still go on')
  })
}

test.serial('GET /auth/github does not act on what belongs to the callback', async (t) => {
  const { browser, callback } = await almostBack({})
  const url = new URL(callback.replace('/callback', ''))
  const answer = await asksNobody(t, () => browser.visit(url.href))
  refused(t, answer, 422, 'validation_failed')
  const error = await asksNobody(t, () => browser.visit('/auth/github?error=access_denied'))
  refused(t, error, 422, 'validation_failed')
})

test.serial('GET /auth/github refuses a repeated redirect_to', async (t) => {
  const answer = await stage.app.get(`/auth/github?redirect_to=${home}&redirect_to=${home}`)
  refused(t, answer, 422, 'validation_failed')
  t.deepEqual(answer.headers.getSetCookie(), [])
})

for (const path of ['/auth/github', '/auth/github/callback']) {
  test.serial(`POST ${path} does not act on a body`, async (t) => {
    const { browser, callback } = await almostBack({ redirect_to: home })
    const { searchParams } = new URL(callback)
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const post = (type: string, raw: string): Promise<Answer> =>
      stage.app.call('POST', path, { raw, headers: { cookie, 'Content-Type': type } })
    const form = await asksNobody(t, () => post('application/x-www-form-urlencoded', String(searchParams)))
    const json = await asksNobody(t, () =>
      post('application/json', JSON.stringify(Object.fromEntries(searchParams))),
    )
    for (const answer of [form, json]) {
      refused(t, answer, 405, 'method_not_allowed')
      t.regex(answer.headers.get('allow') ?? '', /GET/)
    }
    t.is((await browser.visit(callback)).status, 302)
  })
}

test.serial(
  'GET /auth/github/callback takes a code that the provider does not know home as provider_denied',
  async (t) => {
    const { browser, callback } = await almostBack({ redirect_to: home }, { code: 'not-the-code' })
    t.is(sentHome(t, await browser.visit(callback)).get('error'), 'provider_denied')
  },
)
