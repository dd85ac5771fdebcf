import { createHash } from 'node:crypto'
import type { Page } from 'playwright-core'
import { cookieName } from '../_cookies.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { githubber, googler } from '../authentication/_sign-in.ts'
import { browserTest, openPerson } from './_browser.ts'
import { type Stage, startPages } from './_pages.ts'

let stage: Stage
test.before('start', async () => {
  stage = await startPages()
})
test.after.always('stop', async () => {
  await stage?.stop()
})

const password = 'correct horse'
const newPassword = 'another horse'

async function signUp(page: Page, username: string): Promise<void> {
  await page.goto('/signup')
  await page.getByLabel('Username').fill(username)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByLabel('Password again').fill(password)
  await page.getByRole('button', { name: 'Sign up' }).click()
  await page.waitForURL('/account')
}

async function signIn(page: Page, username: string, typed = password): Promise<void> {
  await page.getByLabel('Username').fill(username)
  await page.getByLabel('Password', { exact: true }).fill(typed)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

/** Waits until the browser is back at the app, which redirects once more, and returns what came with it. */
async function backAtApp(page: Page): Promise<URLSearchParams> {
  await page.waitForURL(({ pathname, searchParams }) => pathname === '/welcome' && searchParams.has('again'))
  return new URL(page.url()).searchParams
}

const open = (t: ExecutionContext, options = {}) => openPerson(t, stage.url, options)
const alert = (page: Page) => page.getByRole('alert')

browserTest('a user signs up, signs out, mistypes the password and signs in', async (t) => {
  const { page } = await open(t)
  await signUp(page, 'ada')
  t.is(await page.title(), 'Your account · Claimgate')
  await page.getByRole('button', { name: 'Sign out', exact: true }).click()
  await page.waitForURL('/signed-out')
  await page.getByRole('link', { name: 'Sign in again' }).click()
  await signIn(page, 'ada', 'wrong')
  t.is(await alert(page).innerText(), 'Wrong username or password.')
  t.is(await page.title(), 'Error: Sign in to Claimgate')
  t.is(await page.getByLabel('Username').inputValue(), 'ada')
  t.is(await page.getByLabel('Password', { exact: true }).inputValue(), '')
  t.is(
    await page.locator('#password:focus').getAttribute('aria-describedby'),
    await alert(page).getAttribute('id'),
  )
  await signIn(page, 'ada')
  await page.waitForURL('/account')
})

browserTest(
  'what is wrong with a sign-up stands beside the fields, and the first of them has the focus',
  async (t) => {
    const { page } = await open(t)
    await page.goto('/signup')
    await page.getByLabel('Username').fill('eve')
    await page.getByLabel('Password', { exact: true }).fill('abc')
    await page.getByLabel('Password again').fill('abcd')
    await page.getByRole('button', { name: 'Sign up' }).click()
    const field = page.locator('#password:focus')
    t.is(await field.getAttribute('aria-invalid'), 'true')
    t.is(await field.getAttribute('aria-describedby'), 'password-fault')
    t.is(await page.locator('#password-fault').innerText(), 'Password needs at least 4 characters.')
    t.is(await page.title(), 'Error: Sign up for Claimgate')
    t.is(await page.getByLabel('Username').inputValue(), 'eve')
  },
)

browserTest('an app sends a user to sign in, and gets a code that it can exchange', async (t) => {
  await stage.app.signup('bob')
  const { page } = await open(t)
  const verifier = 'v'.repeat(43)
  const query = new URLSearchParams({
    redirect_to: stage.home,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state: 'of the app',
  })
  const exchange = (found: URLSearchParams) =>
    stage.app.post('/token/exchange', { code: found.get('code'), codeVerifier: verifier })
  await page.goto(`/signin?${query}`)
  await signIn(page, 'bob')
  const first = await backAtApp(page)
  t.is(first.get('state'), 'of the app')
  t.like(await exchange(first), { status: 200, body: { username: 'bob' } })
  await page.goto(`/signin?${query}`)
  await page.getByRole('button', { name: 'Continue as bob' }).click()
  const second = await backAtApp(page)
  t.not(second.get('code'), first.get('code'))
  t.like(await exchange(second), { status: 200, body: { username: 'bob' } })
  await page.goBack()
  t.is(new URL(page.url()).origin, stage.url)
  t.notRegex(await page.content(), /code=/)
})

for (const [provider, label, profile] of [
  ['github', 'GitHub', githubber('octo')],
  ['google', 'Google', googler({ email: 'goo@mail.test' })],
] as const) {
  browserTest(`a user who declines at ${label} and then agrees is signed in, also for an app`, async (t) => {
    stage.fake.signInAs(provider, profile as never)
    const { page } = await open(t)
    await page.goto(`/signin?redirect_to=${encodeURIComponent(stage.home)}`)
    await page.getByRole('link', { name: `Continue with ${label}` }).click()
    await page.getByRole('button', { name: 'Deny' }).click()
    t.regex(await alert(page).innerText(), /You were not signed in/)
    await page.getByRole('link', { name: `Continue with ${label}` }).click()
    await page.getByRole('button', { name: 'Allow' }).click()
    t.truthy((await backAtApp(page)).get('code'))
    await page.goto('/account')
    t.true(await page.getByRole('button', { name: `Unlink ${label}` }).isVisible())
  })
}

browserTest(
  'a link of another site does not begin a sign-in at a provider; it leads to our page',
  async (t) => {
    const { page, context } = await open(t)
    await page.goto(`${stage.home}?again=1`)
    await page.evaluate(`location.assign('${stage.url}/signin/github')`)
    await page.waitForURL('/signin')
    t.deepEqual(
      (await context.cookies(stage.url)).map(({ name }) => name),
      [cookieName(stage.url, 'claimgate-form')],
    )
  },
)

browserTest('a script of an app on the same site as the gateway does not get to see a page', async (t) => {
  const { page } = await open(t)
  await signUp(page, 'spied-on')
  const sister = new URL(stage.home)
  sister.hostname = 'localhost'
  await page.goto(`${sister}?again=1`)
  const seen = await page.evaluate<string>(`fetch('${stage.url}/account', { credentials: 'include' })
    .then((answer) => answer.text(), String)`)
  t.is(seen, 'TypeError: Failed to fetch')
})

browserTest('a provider is linked and unlinked, and the last way in stays', async (t) => {
  stage.fake.signInAs('github', githubber('linker'))
  stage.fake.signInAs('google', googler())
  const { page } = await open(t)
  await page.goto('/signin')
  await page.getByRole('link', { name: 'Continue with GitHub' }).click()
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.waitForURL('/account')
  await page.getByRole('button', { name: 'Unlink GitHub' }).click()
  t.regex(await alert(page).innerText(), /last way to sign in/)
  await page.getByRole('button', { name: 'Link Google' }).click()
  await page.getByRole('button', { name: 'Allow' }).click()
  t.is(await page.getByRole('status').first().innerText(), 'You can now sign in with Google.')
  await page.reload()
  t.is(await page.getByText('You can now sign in').count(), 0, 'said once')
  await page.getByRole('button', { name: 'Unlink GitHub' }).click()
  await page.getByRole('button', { name: 'Link GitHub' }).waitFor()
})

browserTest('a user ends the session of another browser and sees it end', async (t) => {
  const [desk, phone] = [
    await open(t),
    await open(t, { userAgent: 'Mozilla/5.0 (iPhone) Version/20 Safari/604' }),
  ]
  await signUp(desk.page, 'two-browsers')
  await phone.page.goto('/')
  await signIn(phone.page, 'two-browsers')
  await phone.page.waitForURL('/account')
  await desk.page.reload()
  await desk.page.getByRole('button', { name: 'Sign out of Safari on iOS' }).click()
  t.is(await desk.page.getByRole('status').first().innerText(), 'The session has ended.')
  await phone.page.reload()
  await phone.page.waitForURL('/signin')
  t.is(new URL(desk.page.url()).pathname, '/account')
})

browserTest(
  'a user changes the password; other browsers are signed out and the new password works',
  async (t) => {
    const [here, there] = [await open(t), await open(t)]
    await signUp(here.page, 'changes')
    await there.page.goto('/signin')
    await signIn(there.page, 'changes')
    await there.page.waitForURL('/account')
    const change = async (current: string) => {
      await here.page.getByLabel('Current password').fill(current)
      await here.page.getByLabel('New password').fill(newPassword)
      await here.page.getByRole('button', { name: 'Change password' }).click()
    }
    await here.page.locator('summary').click()
    await change('wrong')
    t.is(await here.page.locator('#currentPassword-fault').innerText(), 'Current password is wrong.')
    t.is(await here.page.locator('#currentPassword:focus').count(), 1)
    await change(password)
    t.regex(await here.page.getByRole('status').first().innerText(), /^Your password has been changed/)
    await there.page.reload()
    await there.page.waitForURL('/signin')
    await signIn(there.page, 'changes', newPassword)
    await there.page.waitForURL('/account')
  },
)

browserTest('the back button shows no account after signing out, and sends nothing twice', async (t) => {
  const { page } = await open(t)
  await signUp(page, 'goes-back')
  await page.goBack()
  await page.waitForURL('/account')
  await page.getByRole('button', { name: 'Sign out', exact: true }).click()
  await page.waitForURL('/signed-out')
  await page.goBack()
  await page.waitForURL('/signin')
  t.notRegex(await page.content(), /goes-back/)
})

browserTest(
  'going back to a form that was refused, or loading it again, sends nothing and shows no error',
  async (t) => {
    await stage.app.signup('returns')
    const { page } = await open(t)
    const sent: string[] = []
    page.on('request', (request) => request.method() === 'POST' && sent.push(new URL(request.url()).pathname))
    await page.goto('/signin')
    await signIn(page, 'returns', 'wrong')
    await alert(page).waitFor()
    await page.reload()
    t.is(await alert(page).count(), 0)
    await signIn(page, 'returns', 'wrong')
    await alert(page).waitFor()
    // The effect of a page from the back/forward cache, which the browser of the tests does not have.
    await page.evaluate(`dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))`)
    await alert(page).waitFor({ state: 'detached' })
    await signIn(page, 'returns', 'wrong')
    await alert(page).waitFor()
    await signIn(page, 'returns')
    await page.waitForURL('/account')
    const before = sent.length
    await page.goBack()
    await page.waitForURL('/account')
    t.is(await page.title(), 'Your account · Claimgate')
    t.is(await alert(page).count(), 0)
    t.is(before, 4)
    t.is(sent.length, before)
  },
)

browserTest(
  'a form that was open for too long says so, keeps what was typed, and works the second time',
  async (t) => {
    const own = await startPages()
    t.teardown(own.stop)
    await own.app.signup('late')
    const { page } = await openPerson(t, own.url)
    await page.goto('/signin')
    own.app.clock.advance(5 * 3600)
    await signIn(page, 'late')
    t.regex(await alert(page).innerText(), /form has expired/)
    t.is(await page.getByLabel('Username').inputValue(), 'late')
    await signIn(page, 'late')
    await page.waitForURL('/account')
  },
)

browserTest('a browser that refuses cookies is told what to do', async (t) => {
  const { page, context } = await open(t)
  await page.goto('/signin')
  await context.clearCookies()
  await signIn(page, 'ada')
  t.regex(await alert(page).innerText(), /did not send the cookie of this site/)
  await page.goto('/signin')
  stage.fake.signInAs('github', githubber())
  await page.getByRole('link', { name: 'Continue with GitHub' }).click()
  await context.clearCookies()
  await page.getByRole('button', { name: 'Allow' }).click()
  t.regex(await alert(page).innerText(), /did not keep the cookie of this site/)
})

browserTest(
  'without JavaScript everything works: sign-up, a wrong password, an app, linking, signing out',
  async (t) => {
    const { page } = await open(t, { javaScriptEnabled: false })
    await signUp(page, 'plain')
    stage.fake.signInAs('google', googler())
    await page.getByRole('button', { name: 'Link Google' }).click()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByText('You can now sign in with Google.').waitFor()
    await page.goto(`/signin?redirect_to=${encodeURIComponent(stage.home)}`)
    await page.getByRole('button', { name: 'Continue as plain' }).click()
    t.truthy((await backAtApp(page)).get('code'))
    await page.goto('/account')
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await page.waitForURL('/signed-out')
    await page.goto('/signin')
    await signIn(page, 'plain', 'wrong')
    t.is(await alert(page).innerText(), 'Wrong username or password.')
    t.is(await page.locator('#password:focus').count(), 1, 'the focus needs no script')
    t.is(await page.getByRole('button', { name: 'Show password' }).count(), 0)
  },
)

browserTest(
  'with the keyboard alone a user signs up, reaches everything in order and signs out',
  async (t) => {
    const { page } = await open(t)
    await page.goto('/signup')
    const { keyboard } = page
    const focused = () => page.locator(':focus').getAttribute('id')
    t.is(await focused(), 'username')
    await keyboard.type('keys')
    for (const field of ['password', 'confirmPassword']) {
      await keyboard.press('Tab')
      if ((await focused()) !== field) await keyboard.press('Tab')
      t.is(await focused(), field)
      await keyboard.type(password)
    }
    await keyboard.press('Enter')
    await page.waitForURL('/account')
    const reached: string[] = []
    for (let press = 0; press < 10; press++) {
      await keyboard.press('Tab')
      const what = await page.evaluate<string>(`(() => {
      const element = document.activeElement
      const name = element.getAttribute('aria-label') ?? element.textContent.trim()
      return name + ' ' + getComputedStyle(element).outlineStyle
    })()`)
      reached.push(what)
      if (what.startsWith('Sign out ')) break
    }
    t.deepEqual(reached, [
      'Link GitHub solid',
      'Link Google solid',
      'Change password solid',
      'Sign out solid',
    ])
    await keyboard.press('Enter')
    await page.waitForURL('/signed-out')
  },
)

browserTest('a password can be looked at, Caps Lock is noticed, and a form is sent once', async (t) => {
  const { page } = await open(t)
  await page.goto('/signin')
  const field = page.getByLabel('Password', { exact: true })
  await field.fill('seen')
  await page.getByRole('button', { name: 'Show password' }).click()
  t.is(await field.getAttribute('type'), 'text')
  await page.getByRole('button', { name: 'Hide password' }).click()
  t.is(await field.getAttribute('type'), 'password')
  const press = (modifierCapsLock: boolean) =>
    field.dispatchEvent('keydown', { key: 'A', modifierCapsLock, bubbles: true })
  await press(true)
  t.true(await page.getByText('Caps Lock is on.').isVisible())
  await press(false)
  t.is(await page.getByText('Caps Lock is on.').count(), 0)
  const isSentTwice = await page.evaluate(`
    const send = () => document.forms[0].dispatchEvent(new SubmitEvent('submit', { cancelable: true, bubbles: true }))
    ;[send(), send()]`)
  t.deepEqual(isSentTwice, [true, false])
})

browserTest('password managers find the fields that they know', async (t) => {
  const { page } = await open(t)
  const fields = async (path: string) => {
    await page.goto(path)
    return page
      .locator('input:not([type=hidden])')
      .evaluateAll((list) => list.map((input) => input.getAttribute('autocomplete')))
  }
  t.deepEqual(await fields('/signin'), ['username webauthn', 'current-password'])
  t.deepEqual(await fields('/signup'), ['username', 'new-password', 'new-password'])
  await signUp(page, 'managed')
  t.deepEqual(await fields('/account'), ['username', 'current-password', 'new-password'])
})
