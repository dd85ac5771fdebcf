import { errorTable } from '../../src/errors.ts'
import type { Document } from '../../src/reference/openapi.ts'
import { quick, startApp, type TestApp } from '../_app.ts'
import test from '../_test.ts'

let app: TestApp
let page: string
test.before('start', async () => {
  app = await startApp({
    engine: quick,
    env: {
      AUTH_PUBLIC_URL: 'https://gateway.test/under/<a>&"b"',
      AUTH_GITHUB_CLIENT_ID: 'client',
      AUTH_GITHUB_CLIENT_SECRET: 'only for tests 0123456789',
      AUTH_ACTION_SECRET: 'an action secret that is only good for tests',
      AUTH_WEBHOOK_SECRET: 'a webhook secret that is only good for tests',
    },
  })
  page = (await app.get('/docs')).text
})
test.after.always('stop', () => app?.close())

const all = (pattern: RegExp) => [...page.matchAll(pattern)].map(([, found = '']) => found)

test('/docs shows every operation, parameter and member of a body, and every error code', async (t) => {
  const { body: document } = await app.get<Document>('/openapi.json')
  const sections = page.split('<section class="operation"').slice(1)
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
  t.is(sections.length, operations.length)
  for (const { operationId, parameters = [], requestBody } of operations) {
    const section = sections.find((text) => text.startsWith(` id="${operationId}"`)) ?? ''
    const members = Object.keys(requestBody?.content['application/json']?.schema.properties ?? {})
    const own = parameters.flatMap((parameter) => ('name' in parameter ? [parameter.name] : []))
    for (const name of [...members, ...own]) t.true(section.includes(`<dt><code>${name}</code>`), name)
  }
  for (const code of Object.keys(errorTable)) t.true(page.includes(`id="error-${code}"`), code)
})

test('/docs has one script, nothing inline and nothing from elsewhere, and its policy allows no more', async (t) => {
  const { headers } = await app.get('/docs')
  t.is(
    headers.get('content-security-policy'),
    "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  )
  t.notRegex(
    page,
    /<script(?! src="[^"]*" defer><\/script>)|<img|<iframe|\bon\w+=|style=|javascript:|@import|url\(/i,
  )
  const base = '/under/%3Ca%3E&amp;%22b%22'
  t.deepEqual(all(/<link [^>]*href="([^"]*)"/g), [`${base}/docs.css`])
  t.deepEqual(all(/<script [^>]*src="([^"]*)"/g), [`${base}/docs.js`])
  t.is((await app.get('/docs.css')).headers.get('content-type'), 'text/css; charset=utf-8')
  const script = await app.get('/docs.js')
  t.is(script.headers.get('content-type'), 'text/javascript; charset=utf-8')
  t.is(script.headers.get('cache-control'), 'no-cache')
  t.notRegex(script.text, /https?:|innerHTML|eval|document\.write/)
})

test('every link of /docs leads somewhere on it, and every id is there once', (t) => {
  const ids = all(/ id="([^"]*)"/g)
  t.deepEqual(ids, [...new Set(ids)])
  const links = all(/href="#([^"]*)"/g)
  t.true(links.length > 50)
  t.deepEqual(
    links.filter((link) => !ids.includes(link)),
    [],
  )
  t.deepEqual(
    all(/aria-labelledby="([^"]*)"/g).filter((id) => !ids.includes(id)),
    [],
  )
})

test('/docs says once which credentials a route needs, and which it may have', (t) => {
  const [section = ''] = page
    .split('<section class="operation"')
    .filter((text) => text.startsWith(' id="webhook"'))
  t.regex(section, /Needs: <a href="#webhookSecret">Webhook secret<\/a><\/p>/)
  t.regex(section, /May have: <a href="#accessToken">Access token<\/a><\/p>/)
  t.is(section.match(/-H &quot;X-Webhook-Secret: /g)?.length, 1)
})

test('the headings of /docs go down one level at a time', (t) => {
  const levels = all(/<h(\d)/g).map(Number)
  t.is(levels.filter((level) => level === 1).length, 1)
  for (const [at, level] of levels.entries()) t.true(level <= (levels[at - 1] ?? 0) + 1)
})

test('what configuration says is text on /docs and never markup', (t) => {
  t.false(page.includes('<a>&"b"'))
  t.true(page.includes('/under/%3Ca%3E&amp;'))
})

test('the examples of /docs ask for what the gateway has', async (t) => {
  const examples = all(/<pre><code>(curl [^<]*)<\/code>/g).map(readable)
  t.true(examples.length > 15)
  for (const example of examples) {
    const [, method = 'GET'] = / -X ([A-Z]+)/.exec(example) ?? []
    t.is(example.includes(' -d '), example.includes('application/json'), example)
    const [, path = ''] = /'https:\/\/gateway\.test\/under\/[^/]*(\/[^']*)'/.exec(example) ?? []
    const { status } = await app.call(method, path, { ...(method === 'POST' && { body: {} }) })
    t.false(status === 405, example)
    t.false(status === 404 && !/identities|secret/i.test(example), example)
  }
})

test('every example has the same request in curl and in JavaScript, which is valid', async (t) => {
  const sections = page.split('<section class="operation"').slice(1)
  const examplesOf = (section: string) =>
    [...section.matchAll(/<summary>(curl|JavaScript)<\/summary>\n<pre><code>([^<]*)</g)].map(
      ([, , text = '']) => readable(text),
    )
  t.true(sections.filter((section) => examplesOf(section).length === 2).length > 15)
  for (const [curl = '', script = ''] of sections.map(examplesOf).filter(({ length }) => length > 0)) {
    const sent: { url: string; init?: RequestInit }[] = []
    const fetch = (url: string, init?: RequestInit) => sent.push(init ? { url, init } : { url })
    const location = { assign: fetch }
    const run = Object.getPrototypeOf(async () => {}).constructor('fetch', 'location', script)
    await run(fetch, location)
    const [{ url = '', init = {} } = {}] = sent
    t.true(curl.includes(`'${url.replaceAll("'", "'\\''")}'`), curl)
    t.is(/ -X ([A-Z]+)/.exec(curl)?.[1], init.method)
    for (const [name, value] of Object.entries(init.headers ?? {}))
      t.true(curl.includes(`-H "${name}: ${value}"`))
    if (init.body) t.true(curl.includes(`-d '${String(init.body).replaceAll("'", "'\\''")}'`), curl)
    t.is(init.body === undefined, !curl.includes(' -d '))
  }
})

test('/docs is for programmers, and stays without pages', async (t) => {
  const bare = await startApp({ engine: quick, env: { AUTH_PAGES: 'false' } })
  t.teardown(() => bare.close())
  t.is((await bare.get('/docs')).status, 200)
  t.is((await bare.get('/docs.css')).status, 200)
  t.is((await bare.get('/docs.js')).status, 200)
  t.is((await bare.get('/openapi.json')).status, 200)
})

for (const AUTH_PAGES of ['true', 'false']) {
  test(`the index at / leads to every route, and to /docs, with AUTH_PAGES=${AUTH_PAGES}`, async (t) => {
    const own = await startApp({ engine: quick, env: { AUTH_PAGES, AUTH_METRICS: 'true' } })
    t.teardown(() => own.close())
    const { links } = (await own.get<{ links: Record<string, string> }>('/')).body
    const { paths } = (await own.get<Document>('/openapi.json')).body
    t.deepEqual(
      new Set(Object.values(links)),
      new Set([...Object.keys(paths), '/docs'].map((path) => own.config.publicUrl + path)),
    )
    t.is(links.login, 'https://gateway.test/login')
    t.is(links.endSession, 'https://gateway.test/user/sessions/{id}')
    for (const link of Object.values(links)) t.not((await own.get(new URL(link).pathname)).status, 404, link)
  })
}

function readable(text: string): string {
  return text
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&amp;', '&')
}
