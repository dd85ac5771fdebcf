import { get, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserContext, Page } from 'playwright-core'
import { root } from '../_app.ts'
import { findFreePort } from '../_postgres.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { browserTest, openPerson } from '../pages/_browser.ts'
import { type Stage, startPages } from '../pages/_pages.ts'

type Serve = (port: number, settings: { gateway: string }) => Promise<Server>

let stage: Stage
let server: Server
let home: string
test.before('start', async () => {
  const port = await findFreePort()
  home = `http://localhost:${port}`
  stage = await startPages({
    env: { AUTH_COOKIE_MODE: 'true', AUTH_REDIRECT_ORIGINS: home, AUTH_CORS_ORIGINS: home },
    now: () => new Date(),
  })
  const { serve } = (await import(new URL('examples/spa/serve.js', root).href)) as { serve: Serve }
  server = await serve(port, { gateway: stage.url })
})
test.after.always('stop', async () => {
  server?.closeAllConnections()
  server?.close()
  await stage?.stop()
})

/** Counts the app's requests to the gateway, in all tabs of a user. */
function countPosts(context: BrowserContext, path: string): () => number {
  let count = 0
  context.on('request', (request) => {
    if (request.method() === 'POST' && request.url() === stage.url + path) count++
  })
  return () => count
}

async function signIn(t: ExecutionContext, username: string) {
  await stage.app.signup(username)
  const { page, context } = await openPerson(t, home)
  await page.goto('/')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByLabel('Username').fill(username)
  await page.locator('input[type=password]').fill('correct horse')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await isSignedIn(page, username)
  return { page, context }
}

const isSignedIn = (page: Page, username: string) => page.getByText(`Signed in as ${username}.`).waitFor()
const isSignedOut = (page: Page) => page.getByText('You are signed out.').waitFor()
const hasOther = (page: Page, token: string | null) =>
  page.locator('#token', { hasNotText: token ?? '' }).waitFor()
const tokenOf = (page: Page) => page.locator('#token').textContent()

const counterOf = async (username: string) => {
  const rows = await stage.app.sql<{ counter: number }>(
    `SELECT counter FROM session s JOIN "user" u ON u.id = s.user_id
     WHERE u.username = $1 AND s.revoked_at IS NULL AND counter IS NOT NULL ORDER BY counter DESC`,
    [username],
  )
  return rows[0]?.counter
}

browserTest(
  'a user signs in on the page of the gateway and queries GraphQL; no script can read a refresh token',
  async (t) => {
    const { page } = await signIn(t, 'ada')
    t.is(page.url(), `${home}/`)
    await page.getByRole('button', { name: 'Ask GraphQL who I am' }).click()
    await page.getByText('"username": "ada"').waitFor()
    const stored = await page.evaluate(
      'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])',
    )
    t.is(stored, '[{},{},""]')
    await page.reload()
    await isSignedIn(page, 'ada')
  },
)

browserTest(
  'before the token expires, one of two tabs refreshes it and both have the new token',
  async (t) => {
    const { page: first, context } = await signIn(t, 'bob')
    await context.clock.install()
    const refreshes = countPosts(context, '/token')
    const second = await context.newPage()
    await second.goto('/')
    await isSignedIn(second, 'bob')
    t.is(refreshes(), 0, 'the second tab has asked the first')
    await first.reload()
    await isSignedIn(first, 'bob')
    const [before, counter] = [await tokenOf(second), await counterOf('bob')]
    t.is(await tokenOf(first), before)
    const earlier = refreshes()

    await context.clock.fastForward(841_000)
    for (const page of [first, second]) {
      await hasOther(page, before)
      await isSignedIn(page, 'bob')
    }
    t.is(await tokenOf(first), await tokenOf(second))
    t.is(refreshes(), earlier + 1)
    t.is(await counterOf('bob'), (counter ?? 0) + 1)
  },
)

browserTest('while one tab refreshes the token the other tab waits, and receives it', async (t) => {
  const { page: first, context } = await signIn(t, 'eve')
  const second = await context.newPage()
  await second.goto('/')
  await isSignedIn(second, 'eve')
  const refreshes = countPosts(context, '/token')
  const before = await tokenOf(first)
  let letGo = () => {}
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  await context.route(`${stage.url}/token`, async (route) => {
    await held
    await route.continue()
  })
  await first.click('#refresh')
  await second.click('#refresh')
  // Long enough for a second request to arrive.
  await second.waitForTimeout(600)
  letGo()
  for (const page of [first, second]) {
    await hasOther(page, before)
    await page.locator('#refresh:enabled').waitFor()
  }
  t.is(await tokenOf(first), await tokenOf(second))
  t.is(refreshes(), 1)
})

browserTest('signing out in one tab ends both, and the session at the gateway', async (t) => {
  const { page: first, context } = await signIn(t, 'grace')
  const second = await context.newPage()
  await second.goto('/')
  await isSignedIn(second, 'grace')
  const asked = second.waitForResponse(`${home}/v1/graphql`)
  await second.click('#ask')
  const authorization = (await asked).request().headers().authorization ?? ''
  t.is((await stage.app.get('/user', { authorization })).status, 200)
  await first.getByRole('button', { name: 'Sign out' }).click()
  await Promise.all([isSignedOut(first), isSignedOut(second)])
  t.is((await stage.app.get('/user', { authorization })).status, 401)
  await second.reload()
  await isSignedOut(second)
})

browserTest(
  'a session that is revoked elsewhere ends in both tabs at the next refresh, with the reason',
  async (t) => {
    const { page: first, context } = await signIn(t, 'kurt')
    const second = await context.newPage()
    await second.goto('/')
    await isSignedIn(second, 'kurt')
    await stage.app.sql(
      `UPDATE session SET revoked_at = now() WHERE user_id = (SELECT id FROM "user" WHERE username = 'kurt')`,
    )
    await first.click('#refresh')
    await Promise.all([isSignedOut(first), isSignedOut(second)])
    t.regex((await first.getByRole('alert').textContent()) ?? '', /invalid, expired or revoked/)
  },
)

browserTest('a sign-in waits for the refresh of another tab, which cannot end the new session', async (t) => {
  const { page: first, context } = await signIn(t, 'lena')
  const second = await context.newPage()
  await second.goto('/')
  await isSignedIn(second, 'lena')
  const exchanges = countPosts(context, '/token/exchange')
  await second.evaluate(
    `import('/sign-in.js').then(({ startSignIn }) => startSignIn(${JSON.stringify(stage.url)}))`,
  )
  await second.getByRole('button', { name: 'Continue as lena' }).waitFor()
  let letGo = () => {}
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  await context.route(`${stage.url}/token`, async (route) => {
    await held
    await route.fulfill({
      status: 401,
      headers: { 'Access-Control-Allow-Origin': home, 'Access-Control-Allow-Credentials': 'true' },
      json: { title: 'The session before is over', code: 'invalid_token' },
    })
  })
  const refresh = first.waitForRequest(`${stage.url}/token`)
  await first.click('#refresh')
  await refresh
  await second.getByRole('button', { name: 'Continue as lena' }).click()
  await second.waitForURL(`${home}/`)
  // Long enough for an exchange that does not wait.
  await second.waitForTimeout(600)
  t.is(exchanges(), 0)
  letGo()
  await first.locator('#refresh:enabled').waitFor({ state: 'attached' })
  await Promise.all([isSignedIn(first, 'lena'), isSignedIn(second, 'lena')])
  t.is(exchanges(), 1)
})

browserTest('signing out of an ended session succeeds, in both tabs', async (t) => {
  const { page: first, context } = await signIn(t, 'otto')
  const second = await context.newPage()
  await second.goto('/')
  await isSignedIn(second, 'otto')
  await context.clearCookies()
  const answer = first.waitForResponse(`${stage.url}/logout`)
  await first.getByRole('button', { name: 'Sign out' }).click()
  t.is((await answer).status(), 401)
  await Promise.all([isSignedOut(first), isSignedOut(second)])
  t.true(await first.getByRole('alert').isHidden())
})

browserTest(
  'without a network the user stays signed in, and with it the app goes on by itself',
  async (t) => {
    const { page, context } = await signIn(t, 'noor')
    await context.setOffline(true)
    await page.click('#refresh')
    await page.getByText('The gateway cannot be reached').waitFor()
    await isSignedIn(page, 'noor')
    const before = await tokenOf(page)
    await context.setOffline(false)
    await hasOther(page, before)
    t.true(await page.getByRole('alert').isHidden())
  },
)

browserTest('a code of a sign-in that another user began signs no user in', async (t) => {
  const { page } = await openPerson(t, home)
  const refreshes = countPosts(page.context(), '/token/exchange')
  await page.goto('/?code=cgc_x&state=of-another-user')
  await page.getByText('was not begun in this tab').waitFor()
  await isSignedOut(page)
  t.is(page.url(), `${home}/`)
  t.is(refreshes(), 0)
})

browserTest(
  'a link with a code or an error of a sign-in that this tab has not begun changes and shows nothing',
  async (t) => {
    const { page } = await signIn(t, 'mina')
    for (const query of ['code=cgc_x&state=y', 'error=x&error_description=Call+0900', 'error=x&state=y']) {
      await page.goto(`/?${query}`)
      await page.getByText('was not begun in this tab').waitFor()
      await isSignedIn(page, 'mina')
      t.false((await page.content()).includes('0900'))
    }
  },
)

test('the server of the example serves only its own files, for any path', async (t) => {
  const { port } = server.address() as AddressInfo
  const ask = (path: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      get({ host: 'localhost', port, path }, (response) => resolve(response.resume().statusCode)).on(
        'error',
        reject,
      )
    })
  const wrong = [
    '//',
    '//:',
    '/../README.md',
    '/%2e%2e/spa/serve.js',
    '/serve.js',
    '/README.md',
    '/__proto__',
  ]
  for (const path of wrong) t.is(await ask(path), 404, path)
  for (const path of ['/', '/?code=x', '/app.js', '/config.js']) t.is(await ask(path), 200, path)
})

test('the Hasura mock requires a token of the gateway, and answers one query', async (t) => {
  const { token } = await stage.app.signup('nils')
  const ask = async (query: string, authorization: string) => {
    const response = await fetch(`${home}/v1/graphql`, {
      method: 'POST',
      headers: { Authorization: authorization },
      body: JSON.stringify({ query }),
    })
    return (await response.json()) as { data?: unknown; errors?: { extensions?: { code: string } }[] }
  }
  const question = '{ user { id username } }'
  t.like(await ask(question, `Bearer ${token}`), { data: { user: [{ username: 'nils' }] } })
  t.is((await ask(question, `Bearer ${token}x`)).errors?.[0]?.extensions?.code, 'invalid-jwt')
  t.is((await ask(question, '')).errors?.[0]?.extensions?.code, 'invalid-jwt')
  t.truthy((await ask('{ secrets }', `Bearer ${token}`)).errors)
})
