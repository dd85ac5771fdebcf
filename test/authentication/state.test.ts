import type { Answer } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import {
  type Browser,
  githubber,
  googler,
  home,
  openBrowser,
  refused,
  type Stage,
  sentHome,
  startStage,
  tokenRequests,
} from './_sign-in.ts'

let stage: Stage
let stranger: Stage
test.serial.before('start', async () => {
  stage = await startStage()
  stranger = await startStage({ env: { AUTH_SECRET: 'another secret that is only good for tests 9876' } })
})
test.after.always('stop', async () => {
  await stage?.stop()
  await stranger?.stop()
})

/** Starts a sign-in at GitHub, up to the redirect back from the provider. */
async function almostBack(overrides: Record<string, string | null> = {}) {
  const browser = openBrowser(stage.app)
  const location = await browser.start('github', { redirect_to: home })
  return { browser, callback: stage.fake.authorize(location, githubber(), overrides) }
}

/** Asserts `invalid_state`, no redirect to the app, and no token request to the provider. */
async function refusesState(t: ExecutionContext, visit: () => Promise<Answer<unknown>>): Promise<void> {
  const before = tokenRequests(stage.fake).length
  const answer = await visit()
  refused(t, answer, 403, 'invalid_state')
  t.is(answer.headers.get('location'), null)
  t.is(tokenRequests(stage.fake).length, before)
}

function changeCookie(browser: Browser, change: (value: string) => string): void {
  for (const [name, value] of browser.cookies) browser.cookies.set(name, change(value))
}

for (const [what, state] of [
  ['wrong', 'x'.repeat(43)],
  ['missing', null],
  ['empty', ''],
  ['overlong', 'x'.repeat(500)],
] as const) {
  test.serial(`GET /auth/github/callback refuses a ${what} state`, async (t) => {
    const { browser, callback } = await almostBack({ state })
    await refusesState(t, () => browser.visit(callback))
  })
}

test.serial('GET /auth/github/callback refuses a state whose letters differ only in case', async (t) => {
  const { browser, callback } = await almostBack()
  const url = new URL(callback)
  const state = url.searchParams.get('state') ?? ''
  url.searchParams.set(
    'state',
    state.replace(/[a-z]/i, (c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase())),
  )
  await refusesState(t, () => browser.visit(url.href))
})

test.serial('GET /auth/github/callback refuses a browser without the state cookie', async (t) => {
  const { callback } = await almostBack()
  await refusesState(t, () => openBrowser(stage.app).visit(callback))
})

test.serial('GET /auth/github/callback refuses a state that this browser did not start', async (t) => {
  const mine = await almostBack()
  const theirs = await almostBack()
  await refusesState(t, () => mine.browser.visit(theirs.callback))
})

test.serial(
  'GET /auth/google/callback refuses the state and the cookie of a sign-in at GitHub',
  async (t) => {
    const { browser, callback } = await almostBack()
    await refusesState(t, () => browser.visit(callback.replace('/auth/github/', '/auth/google/')))
  },
)

test.serial(
  'GET /auth/github/callback refuses the state of a sign-in at Google in the same browser',
  async (t) => {
    const browser = openBrowser(stage.app)
    const atGoogle = stage.fake.authorize(await browser.start('google'), googler())
    await refusesState(t, () => browser.visit(atGoogle.replace('/auth/google/', '/auth/github/')))
  },
)

test.serial('GET /auth/github/callback refuses a replay in the same browser', async (t) => {
  const { browser, callback } = await almostBack()
  t.is((await browser.visit(callback)).status, 302)
  await refusesState(t, () => browser.visit(callback))
})

test.serial('GET /auth/github/callback refuses a replay that brings the cookie again', async (t) => {
  const { browser, callback } = await almostBack()
  const kept = new Map(browser.cookies)
  t.is((await browser.visit(callback)).status, 302)
  for (const [name, value] of kept) browser.cookies.set(name, value)
  await refusesState(t, () => browser.visit(callback))
})

for (const part of [0, 2, 3, 4]) {
  test.serial(`GET /auth/github/callback refuses a cookie that was changed in part ${part}`, async (t) => {
    const { browser, callback } = await almostBack()
    changeCookie(browser, (value) => {
      const parts = value.split('.')
      parts[part] = (parts[part] ?? '').replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))
      return parts.join('.')
    })
    await refusesState(t, () => browser.visit(callback))
  })
}

for (const value of ['x', 'null', '....', 'eyJhbGciOiJub25lIn0.e30.']) {
  test.serial(`GET /auth/github/callback refuses ${value} as a cookie`, async (t) => {
    const { browser, callback } = await almostBack()
    changeCookie(browser, () => value)
    await refusesState(t, () => browser.visit(callback))
  })
}

test.serial('GET /auth/github/callback refuses a cookie made with another AUTH_SECRET', async (t) => {
  const browser = openBrowser(stage.app)
  const elsewhere = openBrowser(stranger.app)
  const callback = stranger.fake.authorize(await elsewhere.start('github'), githubber())
  for (const [name, value] of elsewhere.cookies) browser.cookies.set(name, value)
  await refusesState(t, () => browser.visit(callback))
})

test.serial(
  'GET /auth/github/callback accepts a state for AUTH_STATE_LIFETIME and refuses it afterwards',
  async (t) => {
    const inTime = await almostBack()
    const late = await almostBack()
    stage.app.clock.advance(599)
    t.is((await inTime.browser.visit(inTime.callback)).status, 302)
    stage.app.clock.advance(1)
    await refusesState(t, () => late.browser.visit(late.callback))
  },
)

test.serial(
  'a rejected callback does not use up the state of the user who started the sign-in',
  async (t) => {
    const { browser, callback } = await almostBack()
    await refusesState(t, () => openBrowser(stage.app).visit(callback))
    t.is((await browser.visit(callback)).status, 302)
  },
)

test.serial('a callback with a wrong state does not end the sign-in under way', async (t) => {
  const { browser, callback } = await almostBack()
  const cookies = new Map(browser.cookies)
  for (const query of ['state=wrong&code=x', 'state=wrong&error=access_denied', 'code=x', ''])
    refused(t, await browser.visit(`/auth/github/callback?${query}`), 403, 'invalid_state')
  t.deepEqual(browser.cookies, cookies)
  t.truthy(sentHome(t, await browser.visit(callback)).get('code'))
})

test.serial('five sign-ins run at once in one browser, and a sixth replaces the oldest', async (t) => {
  const browser = openBrowser(stage.app)
  const begin = async (provider: 'github' | 'google') => {
    const location = await browser.start(provider, { redirect_to: home })
    return provider === 'github'
      ? stage.fake.authorize(location, githubber())
      : stage.fake.authorize(location, googler())
  }
  const callbacks: string[] = []
  for (const provider of ['github', 'google', 'github', 'github', 'google', 'github'] as const) {
    callbacks.push(await begin(provider))
    t.is(browser.cookies.size, Math.min(callbacks.length, 5))
  }
  const [oldest = '', ...others] = callbacks
  await refusesState(t, () => browser.visit(oldest))
  for (const callback of others.reverse()) t.truthy(sentHome(t, await browser.visit(callback)).get('code'))
  t.is(browser.cookies.size, 0)
})

test.serial('the oldest sign-in is replaced, in whatever order a client sends the cookies', async (t) => {
  const browser = openBrowser(stage.app)
  const callbacks: string[] = []
  for (let at = 0; at < 6; at++) {
    const names = [...browser.cookies.keys()]
    for (const name of names.reverse()) {
      const value = browser.cookies.get(name) ?? ''
      browser.cookies.delete(name)
      browser.cookies.set(name, value)
    }
    // Some clients keep a deleted cookie without its value.
    browser.cookies.set(`${names[0]?.slice(0, -1)}x`, '')
    stage.app.clock.advance(1)
    callbacks.push(stage.fake.authorize(await browser.start('github', { redirect_to: home }), githubber()))
  }
  const [oldest = '', ...others] = callbacks
  await refusesState(t, () => browser.visit(oldest))
  for (const callback of others) t.truthy(sentHome(t, await browser.visit(callback)).get('code'))
})

test.serial('the cookies of long sign-ins leave room for other headers', async (t) => {
  const browser = openBrowser(stage.app)
  const target = `${home}&x=${'x'.repeat(950)}`
  const sizes: number[] = []
  for (let at = 0; at < 6; at++) {
    const location = await browser.start('github', { redirect_to: target })
    sizes.push([...browser.cookies.values()].join('').length)
    if (at === 5) t.is((await browser.visit(stage.fake.authorize(location, githubber()))).status, 302)
  }
  t.true(Math.max(...sizes) <= 6000, sizes.join())
  t.true((sizes.at(-1) ?? 0) > 3000, 'more than one is kept')
})

test.serial(
  'GET /auth/google/callback refuses an answer that says it comes from another issuer',
  async (t) => {
    const issued = await startStage({ env: { AUTH_GOOGLE_ISSUER: 'https://idp.test' } })
    t.teardown(issued.stop)
    const come = async (overrides: Record<string, string | null>) => {
      const browser = openBrowser(issued.app)
      const location = await browser.start('google', {})
      return browser.visit(issued.fake.authorize(location, googler(), overrides))
    }
    refused(t, await come({ iss: 'https://other.test' }), 403, 'invalid_state')
    refused(t, await come({ iss: 'https://idp.test/' }), 403, 'invalid_state')
    t.is(tokenRequests(issued.fake).length, 0)
    t.is((await come({ iss: 'https://idp.test' })).status, 200)
    t.is((await come({})).status, 200)
  },
)
