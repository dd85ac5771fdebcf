import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import test from '../_test.ts'
import { browserTest, openPerson } from '../pages/_browser.ts'
import { type Stage, startPages } from '../pages/_pages.ts'

const axe = createRequire(import.meta.url)('axe-core') as { source: string }

const folder = 'test-results/pages'

let stage: Stage
test.before('start', async () => {
  await mkdir(folder, { recursive: true })
  stage = await startPages()
})
test.after.always('stop', async () => {
  await stage?.stop()
})

for (const [colorScheme, width] of [
  ['light', 320],
  ['dark', 1280],
] as const) {
  browserTest(`/docs is accessible and fits, ${colorScheme} and ${width} pixels wide`, async (t) => {
    const { page } = await openPerson(t, stage.url, { colorScheme, viewport: { width, height: 900 } })
    await page.goto('/docs')
    await page.screenshot({ path: `${folder}/docs-${colorScheme}.png` })
    await page.locator('summary').first().click()
    await page.getByText('JavaScript', { exact: true }).first().click()
    t.is(await page.evaluate('document.documentElement.scrollWidth'), width)
    await page.evaluate(axe.source)
    const found =
      await page.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
      violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html)))`)
    t.deepEqual(found, [])
  })
}

browserTest('a search on /docs leaves the operations that have all its words', async (t) => {
  const { page } = await openPerson(t, stage.url)
  await page.goto('/docs')
  const shown = () => page.locator('.operation:visible').evaluateAll((all) => all.map(({ id }) => id))
  const total = (await shown()).length
  t.true(total > 15)
  const search = page.getByRole('searchbox', { name: 'Search' })
  await search.fill('Refresh  GRACE')
  t.deepEqual(await shown(), ['refreshToken'])
  t.is(await page.getByRole('status').textContent(), `1 of ${total} operations`)
  t.is(await page.locator('nav li li:visible').count(), 1)
  t.false(await page.getByRole('heading', { name: 'Before you start' }).isVisible())
  await search.fill('no such thing')
  t.deepEqual(await shown(), [])
  await page.evaluate("location.hash = '#login'")
  await page.getByRole('heading', { name: 'Log in' }).waitFor()
  t.is((await shown()).length, total)
  t.is(await search.inputValue(), '')
  await search.fill('log in')
  await page.getByRole('link', { name: 'Errors', exact: true }).click()
  await page.getByRole('heading', { name: 'Errors', exact: true, level: 2 }).waitFor()
})

browserTest('a button on /docs copies an example as it stands, and says so', async (t) => {
  const { page, context } = await openPerson(t, stage.url)
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.goto('/docs#login')
  const example = page.locator('#login pre').first()
  await example.getByRole('button', { name: 'Copy' }).click()
  await example.getByRole('button', { name: 'Copied' }).waitFor()
  t.is(await page.evaluate('navigator.clipboard.readText()'), await example.locator('code').textContent())
})

browserTest(
  '/docs is read without JavaScript, and with the keyboard one gets past its contents',
  async (t) => {
    const { page } = await openPerson(t, stage.url, { javaScriptEnabled: false })
    await page.goto('/docs')
    t.is(await page.getByRole('searchbox').count(), 0)
    t.is(await page.getByRole('button').count(), 0)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    t.is(new URL(page.url()).hash, '#content')
    await page.getByRole('link', { name: 'Log in', exact: true }).last().click()
    t.is(new URL(page.url()).hash, '#login')
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
  },
)
