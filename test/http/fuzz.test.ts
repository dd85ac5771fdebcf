import fc from 'fast-check'
import { quick, startApp, type TestApp } from '../_app.ts'
import { refused } from '../_problem.ts'
import { rounds } from '../_rounds.ts'
import test from '../_test.ts'
import { getRoutes, postBodies, postRoutes } from './_routes.ts'

let app: TestApp
test.before('start', async () => {
  app = await startApp({ engine: quick })
})
test.after.always('stop', () => app?.close())

const headerText = fc.string({ unit: fc.constantFrom(...' !"#%,;=\\()<>@[]{}~azAZ09\u00e9\u00ff') })
const noise = fc.dictionary(
  fc.constantFrom('Authorization', 'Cookie', 'Origin', 'X-Forwarded-For', 'X-Hasura-Role', 'X-Request-Id'),
  headerText,
)
const member = fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue(), fc.constantFrom('a', 'cgr_', '\ud800'))

/** Generates a valid body with members replaced, left out or added. */
const bodies = (route: string) =>
  fc
    .record({
      replaced: fc.dictionary(fc.constantFrom(...Object.keys(postBodies[route] ?? {})), member),
      added: fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 1 }),
    })
    .map(({ replaced, added }) => JSON.stringify({ ...postBodies[route], ...replaced, ...added }))

test('whatever a client sends to a POST route, the answer is a success or a problem below 500', async (t) => {
  const requests = fc.constantFrom(...postRoutes).chain((route) =>
    fc.record({
      route: fc.constant(route),
      raw: fc.oneof(bodies(route), fc.json(), fc.uint8Array().map(Buffer.from)),
      headers: noise,
    }),
  )
  await fc.assert(
    fc.asyncProperty(requests, async ({ route, raw, headers }) => {
      const answer = await app.call('POST', route, { raw, headers })
      t.true(answer.status < 500, answer.text)
      if (answer.status >= 400)
        refused(t, answer, answer.status, String((answer.body as { code: string }).code))
    }),
    { numRuns: rounds(100, 300) },
  )
})

test('whatever a client asks for, the answer is a success or a problem below 500', async (t) => {
  const segment = fc.oneof(
    fc.constantFrom('auth', 'github', 'callback', 'user', '..', '.', '%2e', '%', '%00', '%ff', '__proto__'),
    fc.webSegment(),
  )
  const paths = fc.oneof(
    fc.constantFrom(...getRoutes),
    fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`),
  )
  const requests = fc.record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND'),
    path: paths,
    query: fc.oneof(fc.webQueryParameters(), fc.constant('')),
    headers: noise,
  })
  await fc.assert(
    fc.asyncProperty(requests, async ({ method, path, query, headers }) => {
      const response = await fetch(`${app.url}${path}?${query}`, { method, headers, redirect: 'manual' })
      const body = await response.text()
      t.true(response.status < 500, body)
      if (response.status >= 400) t.regex(body, /^{"type":"urn:claimgate:error:/)
    }),
    { numRuns: rounds(100, 300) },
  )
})
