import { quick, startApp, type TestApp } from '../_app.ts'
import test from '../_test.ts'

let app: TestApp
test.before('start', async () => {
  app = await startApp({ engine: quick, env: { AUTH_DOCS: 'false' } })
})
test.after.always('stop', () => app?.close())

/** Sends a request that is not compared with the reference, which this gateway does not publish. */
const get = (path: string) => fetch(app.url + path)

test('AUTH_DOCS=false closes the API reference, its files and its page', async (t) => {
  for (const path of ['/openapi.json', '/docs', '/docs.css', '/docs.js'])
    t.is((await get(path)).status, 404, path)
})

test('with AUTH_DOCS=false the index has every other route and no address of the reference', async (t) => {
  const { links } = (await (await get('/')).json()) as { links: Record<string, string> }
  t.is(links.login, `${app.config.publicUrl}/login`)
  t.deepEqual(
    Object.entries(links).filter(([name, url]) => /docs|openapi/.test(name + url)),
    [],
  )
})
