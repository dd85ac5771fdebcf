import { request } from 'node:http'
import { quick, type SessionBody, type TestApp } from '../_app.ts'
import { actionRequest, remoteRequest } from '../_hasura.ts'
import test from '../_test.ts'
import { secret, startActions } from '../hasura/_actions.ts'

let app: TestApp
let session: SessionBody
test.before('start', async () => {
  app = await startActions({}, { engine: quick })
  session = await app.signup('anna')
})
test.after.always('stop', () => app?.close())

type Sent = { method: string; path: string; headers?: Record<string, string>; body?: string }

/** Sends a request with a header line for each value of `Authorization`. Returns status and body. */
function send({ method, path, headers = {}, body }: Sent, authorization: string[]) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const options = {
      method,
      port: app.gateway.port,
      path,
      headers: { ...headers, Authorization: authorization },
    }
    const sent = request(options, async (answer) => {
      const chunks = await answer.toArray()
      resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

const json = { 'Content-Type': 'application/json' }
const variables = () => ({ 'X-Hasura-Role': 'user', 'X-Hasura-User-Id': session.id })

const routes: Record<string, () => Sent> = {
  'GET /user': () => ({ method: 'GET', path: '/user' }),
  'GET /user/sessions': () => ({ method: 'GET', path: '/user/sessions' }),
  'GET /webhook': () => ({ method: 'GET', path: '/webhook' }),
  'an action': () => {
    const { headers, raw } = actionRequest('me', {}, { secret, variables: variables() })
    return { method: 'POST', path: '/hasura/actions', headers: { ...json, ...headers }, body: raw }
  },
  'the remote schema': () => {
    const { headers, raw } = remoteRequest('{ me { id } }', {}, { secret, variables: variables() })
    return { method: 'POST', path: '/graphql', headers: { ...json, ...headers }, body: raw }
  },
}

for (const [name, create] of Object.entries(routes))
  test(`two Authorization headers are invalid_token, whichever is valid: ${name}`, async (t) => {
    const right = `Bearer ${session.token}`
    const alone = await send(create(), [right])
    t.is(alone.status, 200)
    t.notRegex(alone.text, /invalid_token/)
    for (const both of [
      [right, right],
      [right, ''],
      ['', right],
      [right, 'Basic YTpi'],
    ]) {
      const { text } = await send(create(), both)
      t.regex(text, /"code":"invalid_token"/)
      t.notRegex(text, new RegExp(session.id))
    }
  })

test('two Authorization headers in the body of POST /webhook are invalid_token', async (t) => {
  const headers = { Authorization: `Bearer ${session.token}`, authorization: `Bearer ${session.token}` }
  const answer = await app.post('/webhook', { headers })
  t.is(answer.status, 401)
})
