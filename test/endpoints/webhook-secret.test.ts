import type { Document } from '../../src/reference/openapi.ts'
import { quick, startApp, type TestApp } from '../_app.ts'
import { readWebhook, webhookGetHeaders, webhookPostBody } from '../_hasura.ts'
import { refused } from '../_problem.ts'
import test from '../_test.ts'
import { during } from '../observability/_events.ts'

// With characters that base64 has and that a URL or a form could change.
const secret = 'webhook+secret/that=is only good for tests é'

let app: TestApp
test.before('start', async () => {
  app = await startApp({ engine: quick, env: { AUTH_WEBHOOK_SECRET: secret } })
})
test.after.always('stop', () => app?.close())

const headerOf = (value: string) => ({ 'X-Webhook-Secret': Buffer.from(value).toString('latin1') })
const queryOf = (value: string) => `?secret=${encodeURIComponent(value)}`

/** Sends the request of a hook by GET and by POST. */
async function* asHasura(
  query: string,
  headers: Record<string, string>,
  client: Record<string, string> = {},
) {
  yield await app.call('GET', `/webhook${query}`, { headers: { ...headers, ...webhookGetHeaders(client) } })
  yield await app.call('POST', `/webhook${query}`, { headers, raw: webhookPostBody(client, {}) })
}

test.serial('the secret is accepted in the URL of the hook and in a header', async (t) => {
  const { token } = await app.signup('hooked')
  const client = { Authorization: `Bearer ${token}` }
  for (const [query, headers] of [
    [queryOf(secret), {}],
    [`?secret=${secret.replaceAll(' ', '%20').replace('é', '%C3%A9')}`, {}],
    [`?a=b&secret=${encodeURIComponent(secret)}`, {}],
    ['', headerOf(secret)],
  ] as const)
    for await (const { status, text } of asHasura(query, headers, client)) {
      t.is(status, 200, query)
      t.is(readWebhook(status, text)?.get('x-hasura-role'), 'user')
    }
})

test.serial('without the secret, or with another one, /webhook is exactly 401, with an event', async (t) => {
  const wrong = [secret.slice(1), `${secret}x`, secret.toUpperCase(), '']
  for (const [query, headers] of [
    ['', {}],
    [`${queryOf(secret)}&secret=x`, {}],
    ['?secret=%', {}],
    [`?secrets=${encodeURIComponent(secret)}`, {}],
    ['', headerOf(`${secret}, ${secret}`)],
    ...wrong.map((each) => [queryOf(each), {}] as const),
    ...wrong.map((each) => ['', headerOf(each)] as const),
  ] as const) {
    const { events } = await during(app, async () => {
      for await (const answer of asHasura(query, headers)) refused(t, answer, 401, 'invalid_webhook_secret')
    })
    t.deepEqual(
      events.map(({ event }) => event),
      ['webhook.refused', 'webhook.refused'],
    )
    t.like(events[0], { code: 'invalid_webhook_secret', address: '127.0.0.0/24' })
  }
})

test.serial('the body of a request without the secret is not read', async (t) => {
  refused(t, await app.call('POST', '/webhook', { raw: '{' }), 401, 'invalid_webhook_secret')
})

test.serial('a header of a client that Hasura forwards does not undo the secret in the URL', async (t) => {
  for await (const { status } of asHasura(queryOf(secret), headerOf('a wrong secret of a client')))
    t.is(status, 200)
  for await (const answer of asHasura('', {}, { 'X-Webhook-Secret': secret.slice(0, -1) }))
    refused(t, answer, 401, 'invalid_webhook_secret')
})

test.serial('no log line has the secret or the URL of the hook', async (t) => {
  for await (const { status } of asHasura(queryOf(secret), {})) t.is(status, 200)
  const lines = JSON.stringify(app.logs)
  t.true(lines.includes('/webhook'))
  for (const text of [secret, encodeURIComponent(secret), 'secret=']) t.false(lines.includes(text), text)
})

test.serial('the reference says that the secret is required, and a token is not', async (t) => {
  const { paths } = (await app.get<Document>('/openapi.json')).body
  for (const method of ['get', 'post'] as const)
    t.deepEqual(paths['/webhook']?.[method]?.security, [
      { webhookSecret: [] },
      { webhookSecret: [], accessToken: [] },
    ])
})
