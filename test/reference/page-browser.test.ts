import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import test from 'ava'
import { browserTest, closeBrowser, openPerson } from '../pages/_browser.ts'
import { type Stage, startPages } from '../pages/_pages.ts'

const axe = createRequire(import.meta.url)('axe-core') as { source: string }

const folder = 'test-results/pages'

let stage: Stage
test.before('start', async () => {
  await mkdir(folder, { recursive: true })
  stage = await startPages()
})
test.after.always('stop', async () => {
  await closeBrowser()
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
    t.is(await page.evaluate('document.documentElement.scrollWidth'), width)
    await page.evaluate(axe.source)
    const found =
      await page.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
      violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html)))`)
    t.deepEqual(found, [])
  })
}

browserTest(
  '/docs is read without JavaScript, and with the keyboard one gets past its contents',
  async (t) => {
    const { page } = await openPerson(t, stage.url, { javaScriptEnabled: false })
    await page.goto('/docs')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    t.is(new URL(page.url()).hash, '#content')
    await page.getByRole('link', { name: 'Log in', exact: true }).last().click()
    t.is(new URL(page.url()).hash, '#login')
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
  },
)
