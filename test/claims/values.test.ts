import { quick, type SessionBody, startApp, type TestApp } from '../_app.ts'
import { setClaim } from '../_grant.ts'
import { type ArgumentType, readArgument, webhookGetHeaders, webhookPostBody } from '../_hasura.ts'
import test from '../_test.ts'

let app: TestApp
test.before('start', async () => {
  app = await startApp({ engine: quick, env: { AUTH_CLAIMS_VALUES: 'json' } })
})
test.after.always('stop', () => app?.close())

const values: [json: string, type: ArgumentType, value: unknown][] = [
  ['7', 'Int', 7],
  ['-1.5', 'Float', -1.5],
  ['2.0', 'Float', 2],
  ['true', 'Boolean', true],
  ['"7"', 'String', '7'],
  ['"true"', 'String', 'true'],
  ['[3, 7]', ['Int'], [3, 7]],
  ['["a b", "{c", "1"]', ['String'], ['a b', '{c', '1']],
  ['[[1], [2, 3]]', [['Int']], [[1], [2, 3]]],
  ['[]', ['String'], []],
  ['{"a": [1, "x"]}', 'Custom', { a: [1, 'x'] }],
  // JavaScript and most readers of JSON would round them. Connectors read the text.
  ['9007199254740993', 'Custom', '9007199254740993'],
  ['[12345678901234567.5, 1]', 'Custom', ['12345678901234567.5', 1]],
  ['9007199254740991', 'Int', 9007199254740991],
]

test('AUTH_CLAIMS_VALUES=json: Hasura v3 reads each claim as its type, from the token and the webhook', async (t) => {
  const { id, refreshToken } = await app.signup('types')
  for (const [at, [json]] of values.entries()) await setClaim(app, id, `c${at}`, json)
  await setClaim(app, id, 'missing', 'null')
  const { body } = await app.post<SessionBody>('/token', { refreshToken })
  const client = { Authorization: `Bearer ${body.token}` }
  const answers: Record<string, unknown>[] = [
    await app.claimsOf(body.token),
    (await app.get('/webhook', webhookGetHeaders(client))).body,
    (await app.call('POST', '/webhook', { raw: webhookPostBody(client) })).body,
  ]
  for (const answer of answers) {
    for (const [at, [, type, value]] of values.entries())
      t.deepEqual(readArgument(answer[`x-hasura-c${at}`], type), value)
    t.false('x-hasura-missing' in answer)
  }
  t.like(answers[0], { 'x-hasura-user-id': id, 'x-hasura-allowed-roles': ['user'] })
  t.like(answers[1], { 'X-Hasura-User-Id': id, 'X-Hasura-Role': 'user', 'Cache-Control': 'max-age=900' })
})
