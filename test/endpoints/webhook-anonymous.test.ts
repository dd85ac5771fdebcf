import { quick, startApp, type TestApp } from '../_app.ts'
import { webhookGetHeaders, webhookPostBody } from '../_hasura.ts'
import { refused } from '../_problem.ts'
import test from '../_test.ts'

let open: TestApp
let closed: TestApp
test.serial.before('start', async () => {
  open = await startApp({ engine: quick, env: { AUTH_ANONYMOUS_ROLE: 'visitor' } })
  closed = await startApp({ engine: quick, env: { AUTH_ANONYMOUS_ROLE: '' } })
})
test.after.always('stop', () => Promise.all([open?.close(), closed?.close()]))

/** A client request in both forms of the webhook. */
const ask = (app: TestApp, client: Record<string, string> = {}) =>
  Promise.all([
    app.get('/webhook', webhookGetHeaders(client)),
    app.call('POST', '/webhook', { raw: webhookPostBody(client) }),
  ])

test('/webhook answers the anonymous role to a client without a credential, and nothing else', async (t) => {
  for (const client of [{}, { Cookie: 'a=b', 'X-Forwarded-For': '1.2.3.4' }]) {
    for (const { status, body } of await ask(open, client)) {
      t.is(status, 200)
      t.deepEqual(body, { 'X-Hasura-Role': 'visitor' })
    }
  }
})

test('/webhook grants the anonymous role by name or to an empty X-Hasura-Role, and no other', async (t) => {
  for (const role of ['visitor', ''])
    for (const { body } of await ask(open, { 'X-Hasura-Role': role }))
      t.deepEqual(body, { 'X-Hasura-Role': 'visitor' })
  for (const role of ['user', 'admin', 'anonymous']) {
    for (const answer of await ask(open, { 'X-Hasura-Role': role })) refused(t, answer, 401, 'role_denied')
  }
})

test('/webhook is 401 without a credential when AUTH_ANONYMOUS_ROLE is empty', async (t) => {
  for (const client of [{}, { 'X-Hasura-Role': 'user' }, { 'X-Hasura-Role': '' }]) {
    for (const answer of await ask(closed, client)) refused(t, answer, 401, 'invalid_token')
  }
  const { token } = await closed.signup('member')
  for (const { status } of await ask(closed, { Authorization: `Bearer ${token}` })) t.is(status, 200)
})

const bad: [what: string, value: string][] = [
  ['an empty one', ''],
  ['Basic', 'Basic YWxpY2U6c2VjcmV0'],
  ['a scheme alone', 'Bearer'],
  ['a scheme and a space', 'Bearer '],
  ['garbage', 'Bearer x.y.z'],
  ['null', 'null'],
  ['undefined', 'Bearer undefined'],
  ['a refresh token', 'Bearer cgr_AAAA'],
  ['two tokens', 'Bearer a.b.c, Bearer d.e.f'],
]
for (const [what, value] of bad) {
  test(`/webhook is 401, not anonymous, for a credential that is bad: ${what}`, async (t) => {
    for (const answer of await ask(open, { Authorization: value })) refused(t, answer, 401, 'invalid_token')
  })
}

test.serial('/webhook is 401, not anonymous, for a token that has expired or was ended', async (t) => {
  const { token, refreshToken } = await open.signup('expired')
  open.clock.advance(900)
  for (const answer of await ask(open, { Authorization: `Bearer ${token}` })) {
    refused(t, answer, 401, 'invalid_token')
  }
  const { body } = await open.post<{ token: string; refreshToken: string }>('/token', { refreshToken })
  await open.post('/logout', { refreshToken: body.refreshToken })
  for (const answer of await ask(open, { Authorization: `Bearer ${body.token}` })) {
    refused(t, answer, 401, 'invalid_token')
  }
})

test('POST /webhook is 401 when the body names the credential twice, in whatever case', async (t) => {
  const { token } = await open.signup('twice')
  const headers = { Authorization: `Bearer ${token}`, authorization: 'Bearer x.y.z' }
  refused(t, await open.call('POST', '/webhook', { raw: webhookPostBody(headers) }), 401, 'invalid_token')
})

/** Posts headers in the body, and beside it as headers of the request. */
const askTwice = (inBody: Record<string, string>, beside: Record<string, string>) =>
  open.call('POST', '/webhook', { raw: webhookPostBody(inBody), headers: beside })

test('POST /webhook takes a credential and a role that are only headers of the request, and is never anonymous', async (t) => {
  const { id, token } = await open.signup('beside')
  const headers = { Authorization: `Bearer ${token}`, 'X-Hasura-Role': 'user' }
  t.like((await askTwice({}, headers)).body, { 'X-Hasura-User-Id': id, 'X-Hasura-Role': 'user' })
  t.like((await askTwice(headers, headers)).body, { 'X-Hasura-User-Id': id, 'X-Hasura-Role': 'user' })
  refused(t, await askTwice({}, { ...headers, 'X-Hasura-Role': 'admin' }), 401, 'role_denied')
  for (const bad of ['', 'Basic YTpi', 'Bearer x.y.z'])
    refused(t, await askTwice({}, { Authorization: bad }), 401, 'invalid_token')
})

test('POST /webhook is 401 when the body and the request differ in the credential or the role', async (t) => {
  const [right, other] = await Promise.all([open.signup('right'), open.signup('other')])
  const authorization = `Bearer ${right.token}`
  for (const second of [`Bearer ${other.token}`, 'Basic YTpi', '']) {
    refused(
      t,
      await askTwice({ Authorization: authorization }, { Authorization: second }),
      401,
      'invalid_token',
    )
    refused(
      t,
      await askTwice({ Authorization: second }, { Authorization: authorization }),
      401,
      'invalid_token',
    )
  }
  const roles = await askTwice(
    { Authorization: authorization, 'X-Hasura-Role': 'user' },
    { 'X-Hasura-Role': 'visitor' },
  )
  refused(t, roles, 401, 'invalid_token')
})

test('POST /webhook takes a websocket that opens, whose request is null, and members of a newer Hasura', async (t) => {
  const { body } = await open.call('POST', '/webhook', {
    body: { headers: {}, request: null, subscription: true },
  })
  t.deepEqual(body, { 'X-Hasura-Role': 'visitor' })
})

test('POST /webhook takes a body of 1 MB', async (t) => {
  const rest = 1_048_576 - webhookPostBody({}, { query: '' }).length
  const raw = webhookPostBody({}, { query: 'x'.repeat(rest) })
  t.is(raw.length, 1_048_576)
  t.is((await open.call('POST', '/webhook', { raw })).status, 200)
  refused(t, await open.call('POST', '/webhook', { raw: `${raw} ` }), 413, 'body_too_large')
})

test('POST /webhook takes a body with 1,000 headers, and refuses one with more', async (t) => {
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`x-${at}`, '']))
  t.is((await open.call('POST', '/webhook', { raw: webhookPostBody(many(1000)) })).status, 200)
  const answer = await open.call('POST', '/webhook', { raw: webhookPostBody(many(1001)) })
  refused(t, answer, 422, 'validation_failed')
  t.deepEqual(answer.body.errors, [
    { field: 'headers', rule: 'invalid', detail: 'has more than 1000 members' },
  ])
})

test('POST /webhook refuses a body of nothing but brackets, and takes one with the rows of a large insert', async (t) => {
  const brackets = `{"headers":{},"request":[${Array(330_000).fill('[]').join()}]}`
  const answer = await open.call('POST', '/webhook', { raw: brackets })
  refused(t, answer, 400, 'malformed_request')
  t.is(answer.body.detail, 'The body has more than 100000 brackets and commas')

  const row = { name: 'A name', tags: ['a', 'b', 'c'], place: { type: 'Point', coordinates: [13.4, 52.5] } }
  const rows = Array.from({ length: 4000 }, (_, id) => ({ id, ...row }))
  const query = 'mutation ($rows: [place_insert_input!]!) { insert_place(objects: $rows) { affected_rows } }'
  const insert = webhookPostBody({}, { query, variables: { rows } })
  t.is((await open.call('POST', '/webhook', { raw: insert })).status, 200)
})
