import type { Fault } from '../_fake-provider.ts'
import test, { type ExecutionContext } from '../_test.ts'
import {
  anybody,
  exchange,
  githubber,
  home,
  openBrowser,
  providerNames,
  refused,
  type Stage,
  sentHome,
  startStage,
} from './_sign-in.ts'

let stage: Stage
test.serial.before('start', async () => {
  stage = await startStage({ env: { AUTH_PROVIDER_TIMEOUT: '2' } })
})
test.after.always('stop', () => stage?.stop())

/** The secrets between gateway, browser and provider, which no log may have. */
function secretsOf(cookie: string, location: string, callback: string): string[] {
  const { fake } = stage
  const asked = new URL(location).searchParams
  const back = new URL(callback).searchParams
  const verifiers = fake.requests.map(({ body }) => new URLSearchParams(body).get('code_verifier'))
  const tokens = fake.requests.map(({ headers }) => headers.authorization?.replace(/^Bearer /, ''))
  const { github, google } = fake
  return [
    cookie,
    asked.get('state'),
    back.get('code'),
    ...verifiers,
    ...tokens,
    ...[github.clientSecret, google.clientSecret].flatMap((secret) => [secret, encodeURIComponent(secret)]),
  ].filter((secret) => typeof secret === 'string')
}

function logsHaveNone(t: ExecutionContext, secrets: readonly string[]): void {
  t.true(stage.app.logs.length > 0)
  const text = JSON.stringify(stage.app.logs)
  for (const secret of secrets) t.false(text.includes(secret), `the logs have ${secret}`)
  t.false(text.includes('claimgate-flow='))
}

async function goThrough(provider: 'github' | 'google') {
  const browser = openBrowser(stage.app)
  const location = await browser.start(provider, { redirect_to: home })
  const cookie = [...browser.cookies.values()][0] ?? ''
  const callback = stage.fake.authorize(location, anybody[provider]())
  return { browser, callback, secrets: () => secretsOf(cookie, location, callback) }
}

for (const provider of providerNames) {
  test.serial(
    `the access token of ${provider} travels in a header, the client secret in a body, neither in a URL`,
    async (t) => {
      const { browser, callback } = await goThrough(provider)
      sentHome(t, await browser.visit(callback))
      const requests = stage.fake.requests.filter((made) => made.provider === provider)
      t.true(requests.length >= 2)
      for (const { endpoint, headers, query, body, refusal } of requests) {
        t.is(refusal, null)
        t.is(headers.cookie, undefined)
        t.is(query.get('access_token'), null)
        if (endpoint === 'token') {
          t.is(headers.authorization, undefined)
          t.is(query.size, 0)
          t.is(new URLSearchParams(body).get('client_secret'), stage.fake[provider].clientSecret)
        } else {
          t.regex(headers.authorization ?? '', /^Bearer \S+$/)
          t.is(body, '')
        }
      }
    },
  )

  test.serial(`a sign-in with ${provider} leaves no secret in the logs, at level debug`, async (t) => {
    const { browser, callback, secrets } = await goThrough(provider)
    const code = sentHome(t, await browser.visit(callback)).get('code') ?? ''
    const { body } = await exchange(stage.app, code)
    logsHaveNone(t, [...secrets(), code, body.token, body.refreshToken])
  })

  for (const [endpoint, fault] of [
    ['token', 'error'],
    ['token', 'garbage'],
    ['token', 'html'],
    ['token', 'truncated'],
    ['profile', 'hang'],
    ['profile', 'refuse'],
    ['profile', 'wrong-types'],
    ['profile', 'status:500'],
    ['profile', 'huge'],
  ] satisfies [string, Fault][] as ['token' | 'profile', Fault][]) {
    test.serial(
      `${fault} at the ${endpoint} endpoint of ${provider} leaves no secret in the logs and none in the answer`,
      async (t) => {
        const { browser, callback, secrets } = await goThrough(provider)
        stage.fake.fault(provider, endpoint, fault)
        const answer = await browser.visit(callback)
        stage.fake.fault(provider, endpoint, null)
        t.regex(sentHome(t, answer).get('error') ?? '', /^provider_/)
        logsHaveNone(t, secrets())
        const told = `${answer.text} ${answer.headers.get('location')}`
        for (const secret of secrets()) t.false(told.includes(secret))
        t.notRegex(told, /127\.0\.0\.1|ECONN|fetch failed|\.js/)
      },
    )
  }
}

test.serial('a sign-in that took too long leaves no secret in the logs', async (t) => {
  const browser = openBrowser(stage.app)
  const location = await browser.start('github')
  const cookie = [...browser.cookies.values()][0] ?? ''
  const callback = stage.fake.authorize(location, githubber())
  stage.app.clock.advance(601)
  refused(t, await browser.visit(callback), 403, 'invalid_state')
  logsHaveNone(t, secretsOf(cookie, location, callback))
  t.false(JSON.stringify(stage.app.logs).includes('codeVerifier'))
})

test.serial('a replayed, a foreign and a damaged callback leave no secret in the logs', async (t) => {
  const { browser, callback, secrets } = await goThrough('github')
  const kept = new Map(browser.cookies)
  refused(t, await openBrowser(stage.app).visit(callback), 403, 'invalid_state')
  refused(t, await openBrowser(stage.app).visit(`${callback}&code=again`), 403, 'invalid_state')
  sentHome(t, await browser.visit(callback))
  for (const [name, value] of kept) browser.cookies.set(name, value)
  refused(t, await browser.visit(callback), 403, 'invalid_state')
  logsHaveNone(t, secrets())
})
