import { quick, startApp, type TestApp } from '../_app.ts'
import { actionRequest } from '../_hasura.ts'
import { refused } from '../_problem.ts'
import test from '../_test.ts'
import { callAction, failed, secret, startActions } from './_actions.ts'

let app: TestApp
test.before('start', async () => {
  app = await startActions({}, { engine: quick })
})
test.after.always('stop', () => app?.close())

test('without the secret, or with another secret, POST /hasura/actions answers 404 to every body', async (t) => {
  const wrong = [`${secret} `.trimEnd().slice(1), `${secret}x`, secret.toUpperCase(), '', 'é'.repeat(40)]
  for (const each of [undefined, ...wrong]) {
    const { raw, headers } = actionRequest('providers', {}, each === undefined ? {} : { secret: each })
    refused(t, await app.call('POST', '/hasura/actions', { raw, headers }), 404, 'not_found')
    refused(t, await app.call('POST', '/hasura/actions', { raw: '{', headers }), 404, 'not_found')
  }
})

test('a request with a second X-Action-Secret beside the secret of Hasura is rejected', async (t) => {
  const { raw, headers } = actionRequest('providers', {}, { secret: `${secret}, ${secret}` })
  refused(t, await app.call('POST', '/hasura/actions', { raw, headers }), 404, 'not_found')
})

test('a secret in the body or the query is not accepted', async (t) => {
  const { raw, headers } = actionRequest('providers', { AUTH_ACTION_SECRET: secret }, {})
  const path = `/hasura/actions?x-action-secret=${encodeURIComponent(secret)}`
  refused(t, await app.call('POST', path, { raw, headers }), 404, 'not_found')
})

test('the secret may have all bytes that a header value may have', async (t) => {
  const other = await startActions(
    { AUTH_ACTION_SECRET: 'grüße von hasura an das tor 0123456789' },
    { engine: quick },
  )
  const utf8 = Buffer.from('grüße von hasura an das tor 0123456789').toString('latin1')
  t.is((await callAction(other, 'providers', {}, { secret: utf8 })).status, 200)
  await other.close()
})

test('without AUTH_ACTION_SECRET, POST /hasura/actions answers 404, also with an empty secret', async (t) => {
  const closed = await startApp({ engine: quick })
  for (const each of ['', 'undefined', secret]) {
    const { raw, headers } = actionRequest('providers', {}, { secret: each })
    refused(t, await closed.call('POST', '/hasura/actions', { raw, headers }), 404, 'not_found')
  }
  await closed.close()
})

test('an unknown action is not found, also one with the name of a member of every object', async (t) => {
  for (const name of ['', 'Login', 'deleteUser', '__proto__', 'constructor', 'toString'])
    failed(t, await callAction(app, name), 404, 'not_found')
})
