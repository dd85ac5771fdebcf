import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import test, { type ExecutionContext } from '../_test.ts'
import { githubber } from '../authentication/_sign-in.ts'
import { browserTest, openPerson } from './_browser.ts'
import { type Stage, startPages } from './_pages.ts'

const axe = createRequire(import.meta.url)('axe-core') as { source: string }

const folder = 'test-results/pages'

let stage: Stage
test.before('start', async () => {
  await mkdir(folder, { recursive: true })
  stage = await startPages()
  stage.fake.askForConsent(false)
})
test.after.always('stop', async () => {
  await stage?.stop()
})

/** The first error of a page: its notice, or the error of a field. */
const errorOf = (page: Page) => page.locator('[role=alert], .fault').first()

/** The states of all pages: name → the steps of a user to it. Each state continues the previous one. */
const views: [name: string, visit: (page: Page) => Promise<unknown>][] = [
  ['signin', (page) => page.goto('/signin')],
  [
    'signin-refused',
    async (page) => {
      await page.getByLabel('Username').fill('ada')
      await page.getByLabel('Password', { exact: true }).fill('wrong')
      await page.locator('button.main').click()
      await errorOf(page).waitFor()
    },
  ],
  ['signup', (page) => page.goto('/signup')],
  [
    'signup-refused',
    async (page) => {
      await page.getByLabel('Username').fill(' ada')
      await page.getByLabel('Password', { exact: true }).fill('abc')
      await page.getByLabel('Password again').fill('abcd')
      await page.locator('button.main').click()
      await errorOf(page).waitFor()
    },
  ],
  [
    'account',
    async (page) => {
      const username = 'ada'
      await page.getByLabel('Username').fill(username)
      await page.getByLabel('Password', { exact: true }).fill('correct horse')
      await page.getByLabel('Password again').fill('correct horse')
      await page.locator('button.main').click()
      await page.waitForURL('/account')
      await stage.app.call('POST', '/login', {
        body: { username, password: 'correct horse' },
        headers: { 'User-Agent': 'Mozilla/5.0 (iPhone) Version/20 Safari/604' },
      })
      stage.fake.signInAs('github', githubber())
      await page.getByRole('button', { name: 'Link GitHub' }).click()
      await page.getByRole('status').first().waitFor()
    },
  ],
  ['account-password', (page) => page.locator('summary').click()],
  [
    'account-refused',
    async (page) => {
      await page.getByLabel('Current password').fill('wrong')
      await page.getByLabel('New password').fill('another horse')
      await page.getByRole('button', { name: 'Change password' }).last().click()
      await errorOf(page).waitFor()
    },
  ],
  ['confirm', (page) => page.goto('/account/confirm')],
  [
    'confirm-refused',
    async (page) => {
      await page.getByLabel('Password', { exact: true }).fill('wrong')
      await page.getByRole('button', { name: 'Confirm', exact: true }).click()
      await errorOf(page).waitFor()
    },
  ],
  ['continue', (page) => page.goto(`/signin?redirect_to=${encodeURIComponent(stage.home)}`)],
  [
    'going-on',
    async (page) => {
      // After an answer without content, the browser stays on its page.
      await page.route(`${stage.home}**`, (route) => route.fulfill({ status: 204 }))
      await page.getByRole('button', { name: /^Continue as/ }).click()
      await page.getByRole('link', { name: 'Continue' }).waitFor()
    },
  ],
  ['not-found', (page) => page.goto('/nowhere')],
  ['not-allowed', (page) => page.goto('/signin?redirect_to=https://evil.test')],
  ['sign-out', (page) => page.goto(`/signed-out?redirect_to=${encodeURIComponent(stage.home)}`)],
  [
    'signed-out',
    async (page) => {
      await page.goto('/account')
      await page.getByRole('button', { name: 'Sign out', exact: true }).click()
      await page.waitForURL('/signed-out')
    },
  ],
]

/** Returns the violations that axe-core finds in a page, one per line. */
async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  return page.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => id + ': ' + help + ': ' + html)))`)
}

/** Returns the sentences that a page shows more than once. */
async function repeatedSentencesOf(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const texts = [...document.querySelectorAll('h1, h2, main p, label')].map(({ textContent }) => textContent.trim())
    const sentences = texts.flatMap((text) => text.split(/(?<=[.…])\\s+/)).map((text) => text.replace(/\\.$/, ''))
    return sentences.filter((text, at) => /\\S \\S.* \\S/.test(text) && sentences.some(
      (other, index) => index !== at && other.includes(text)))
  })()`)
}

async function visitAll(
  t: ExecutionContext,
  page: Page,
  look: string,
  check: (name: string) => Promise<void>,
) {
  for (const [name, visit] of views) {
    await visit(page)
    await check(name)
    await page.screenshot({ path: `${folder}/${name}-${look}.png`, fullPage: true })
  }
  t.is(await page.locator('h1').count(), 1)
  await stage.app.sql(`DELETE FROM "user" WHERE username = 'ada'`)
}

for (const look of ['light', 'dark'] as const) {
  browserTest(
    `axe-core finds nothing wrong with any page in ${look}, and no page says a sentence twice`,
    async (t) => {
      const { page } = await openPerson(t, stage.url, {
        colorScheme: look,
        reducedMotion: 'reduce',
        viewport: { width: 700, height: 700 },
      })
      await visitAll(t, page, look, async (name) => {
        t.deepEqual(await violationsOf(page), [], name)
        t.deepEqual(await repeatedSentencesOf(page), [], name)
      })
      const background = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
      t.is(background, look === 'dark' ? 'rgb(18, 21, 28)' : 'rgb(241, 243, 247)')
      await page.setContent('<img src="x"><input>')
      t.true((await violationsOf(page)).length > 1, 'and it finds what is wrong')
    },
  )
}

for (const [look, direction] of [
  ['narrow', 'ltr'],
  ['narrow-rtl', 'rtl'],
] as const) {
  browserTest(
    `at 320 pixels and ${direction}, nothing of a page is beyond its edge, and every target is large enough`,
    async (t) => {
      const { page } = await openPerson(t, stage.url, {
        viewport: { width: 320, height: 640 },
        reducedMotion: 'reduce',
      })
      await visitAll(t, page, look, async (name) => {
        await page.evaluate(`document.documentElement.dir = '${direction}'`)
        const faults = await page.evaluate<
          string[]
        >(`[...document.querySelectorAll('body *')].flatMap((element) => {
        const { left, right, width, height } = element.getBoundingClientRect()
        if (width === 0) return []
        const isTarget = element.matches('.button, input, button, summary')
        const isOutside = left < 0 || right > 320
        const isSmall = isTarget && (width < 24 || height < 24)
        return isOutside || isSmall ? [element.outerHTML.slice(0, 100)] : []
      })`)
        t.deepEqual(faults, [], name)
        t.is(await page.evaluate('document.documentElement.scrollWidth'), 320)
      })
    },
  )
}
