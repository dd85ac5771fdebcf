import { type ErrorCode, errorTable, GatewayError } from '../../src/errors.ts'
import { actionErrors, answerFailure } from '../../src/hasura/failure.ts'
import { quick, type TestApp } from '../_app.ts'
import { readAction } from '../_hasura.ts'
import test from '../_test.ts'
import { callAction, failed, secret, startActions } from './_actions.ts'

const password = 'correct horse'
const newcomer = (username: string) => ({ username, password, confirmPassword: password })

let app: TestApp
test.before('start', async () => {
  app = await startActions({}, { engine: quick })
})
test.after.always('stop', () => app?.close())

const post = (raw: string, type = 'application/json') =>
  app.call('POST', '/hasura/actions', { raw, headers: { 'Content-Type': type, 'X-Action-Secret': secret } })

for (const code of Object.keys(errorTable) as ErrorCode[]) {
  test(`${code} keeps its code and is a 4xx, because Hasura hides the body of a 5xx`, (t) => {
    const ctx = { state: { requestId: 'id' }, set: () => {} } as unknown as Parameters<
      typeof answerFailure
    >[0]
    answerFailure(ctx, new GatewayError(code), actionErrors)
    const { status } = errorTable[code]
    t.is(ctx.status, status < 500 ? status : 400)
    t.like(readAction(ctx.status, JSON.stringify(ctx.body)), {
      message: errorTable[code].title,
      extensions: { code, detail: errorTable[code].detail, requestId: 'id' },
    })
  })
}

test('an invalid call of an action is rejected with the same codes as an invalid request of a route', async (t) => {
  failed(t, await post('{'), 400, 'malformed_request')
  failed(t, await post('{}', 'text/plain'), 415, 'unsupported_media_type')
  failed(t, await post(`"${'x'.repeat(1_048_576)}"`), 413, 'body_too_large')
  for (const body of ['[]', 'null', '{}', '{"action":"login","input":{},"session_variables":{}}'])
    failed(t, await post(body), 422, 'validation_failed')
  const call = '{"action":{"name":"providers"},"input":{},"session_variables":{}}'
  failed(t, await post(`[${call},${call}]`), 422, 'validation_failed')
})

test('an input is validated by the schema of the route, and the error names the invalid members', async (t) => {
  const input = { username: 7, password: 'abc', confirmPassword: 'x', email: 'no', roles: ['admin'] }
  const answer = await callAction(app, 'signup', input)
  failed(t, answer, 422, 'validation_failed')
  const { errors } = (answer.body as { extensions: { errors: { field: string }[] } }).extensions
  t.deepEqual(errors.map(({ field }) => field).sort(), ['email', 'password', 'roles', 'username'])
  for (const name of ['login', 'refreshToken', 'exchangeCode', 'logout'])
    failed(t, await callAction(app, name, { __proto__: null, surplus: 1 }), 422, 'validation_failed')
})

test('an action rejects the same input as its route, with the same code', async (t) => {
  await app.signup('anna')
  failed(t, await callAction(app, 'signup', newcomer('Anna')), 409, 'username_taken')
  failed(
    t,
    await callAction(app, 'login', { username: 'anna', password: 'wrong' }),
    401,
    'invalid_credentials',
  )
  failed(t, await callAction(app, 'refreshToken', { refreshToken: 'cgr_x' }), 401, 'invalid_token')
  failed(t, await callAction(app, 'exchangeCode', { code: 'x' }), 401, 'invalid_code')
  failed(t, await callAction(app, 'logout', { refreshToken: 'cgr_x' }), 401, 'invalid_token')
})

test('the action signup obeys AUTH_SIGNUP and the password policy', async (t) => {
  const closed = await startActions({ AUTH_SIGNUP: 'false' }, { engine: quick })
  failed(t, await callAction(closed, 'signup', newcomer('anna')), 403, 'signup_disabled')
  await closed.close()
  const strict = await startActions({ AUTH_PASSWORD_POLICY: 'strict' }, { engine: quick })
  const common = { username: 'anna', password: 'password1', confirmPassword: 'password1' }
  failed(t, await callAction(strict, 'signup', common), 422, 'validation_failed')
  await strict.close()
})

test('actions whose password hash waits too long fail with overloaded and the seconds to wait', async (t) => {
  const busy = await startActions({ AUTH_HASH_QUEUE: '0', AUTH_BCRYPT_COST: '12' }, { engine: quick })
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, each) => callAction(busy, 'signup', newcomer(`user-${each}`))),
  )
  const refused = answers.filter(({ status }) => status !== 200)
  t.true(refused.length > 0)
  for (const answer of refused) {
    failed(t, answer, 400, 'overloaded')
    t.like(answer.body, { extensions: { retryAfter: Number(answer.headers.get('retry-after')) } })
  }
  await busy.close()
})

test('an internal error is server_error, without internal details', async (t) => {
  const broken = await startActions({}, { engine: quick })
  await broken.sql('ALTER TABLE session RENAME TO sessions')
  const answer = await callAction(broken, 'signup', newcomer('anna'))
  failed(t, answer, 400, 'server_error')
  t.notRegex(answer.text, /session"|relation|prisma|stack/i)
  t.true(broken.logs.some((line) => line.level === 50 && line.code === 'server_error'))
  await broken.close()
})
