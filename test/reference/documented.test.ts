import type { Document } from '../../src/reference/openapi.ts'
import { quick, startApp, type TestApp } from '../_app.ts'
import { findOperation, requireDocumented } from '../_documented.ts'
import test from '../_test.ts'

// Every answer in every test is compared with the document (test/_app.ts). These tests prove that a difference fails.

let app: TestApp
let document: Document
test.before('start', async () => {
  app = await startApp({ engine: quick })
  document = (await app.get<Document>('/openapi.json')).body
})
test.after.always('stop', () => app?.close())

test('an answer whose code the route does not document is noticed', async (t) => {
  const answer = await app.login('nobody')
  t.is(answer.status, 401)
  t.notThrows(() => requireDocumented(document, 'POST', '/login', answer as never))
  t.throws(() => requireDocumented(document, 'POST', '/token', answer as never), { message: /code/ })
})

test('an answer with a member that the route does not document is noticed', async (t) => {
  const body = { ...(await app.signup('ada')) }
  const good = { status: 200, headers: new Headers({ 'Content-Type': 'application/json' }) }
  const check = (changed: object) => () =>
    requireDocumented(document, 'POST', '/login', { ...good, body: {}, text: JSON.stringify(changed) })
  t.notThrows(check(body))
  t.throws(check({ ...body, admin: true }), { message: /admin/ })
  t.throws(check({ ...body, expiresIn: '900' }), { message: /expiresIn/ })
  const { token: _, ...rest } = body
  t.throws(check(rest), { message: /token/ })
})

test('an answer with a status, media type or body that the route does not document is noticed', (t) => {
  const json = new Headers({ 'Content-Type': 'application/json' })
  const check =
    (method: string, path: string, status: number, text: string, headers = json) =>
    () =>
      requireDocumented(document, method, path, { status, headers, text, body: {} })
  t.throws(check('GET', '/healthz', 418, '{}'), { message: /the status is undocumented/ })
  t.throws(check('GET', '/healthz', 200, 'ok', new Headers()), { message: /the media type is undocumented/ })
  t.throws(check('POST', '/logout', 204, '{}'), { message: /a body is undocumented/ })
  t.throws(check('GET', '/secrets', 200, '{}'), { message: /the route is undocumented/ })
})

test('a path with a parameter is found by any value of it, and by nothing longer', (t) => {
  t.is(findOperation(document, 'DELETE', '/user/sessions/x?y=1')?.operationId, 'endSession')
  t.is(findOperation(document, 'DELETE', '/user/sessions/x/y'), null)
  t.is(findOperation(document, 'GET', '/login'), null)
})
