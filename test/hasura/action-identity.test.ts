import { quick, type SessionBody, type TestApp } from '../_app.ts'
import { deactivate } from '../_grant.ts'
import test from '../_test.ts'
import { asUser, callAction, failed, secret, startActions } from './_actions.ts'

let app: TestApp
let anna: SessionBody
let berta: SessionBody
test.before('start', async () => {
  app = await startActions({}, { engine: quick })
  anna = await app.signup('anna')
  berta = await app.signup('berta')
})
test.after.always('stop', () => app?.close())

const guarded = { me: {}, changePassword: { currentPassword: 'correct horse', newPassword: 'taken over' } }
const tokenOf = ({ token }: SessionBody) => ({ Authorization: `Bearer ${token}` })

for (const [name, input] of Object.entries(guarded)) {
  const refuses = async (
    t: Parameters<typeof failed>[0],
    variables: Record<string, unknown>,
    client: Record<string, string> = {},
  ) => {
    failed(t, await callAction(app, name, input, { variables, client }), 401, 'invalid_token')
    t.is((await app.login('anna')).status, 200)
  }

  test(`${name} rejects a user id with the anonymous role`, async (t) => {
    const variables = { 'x-hasura-role': 'anonymous', 'x-hasura-user-id': anna.id }
    await refuses(t, variables)
    await refuses(t, variables, tokenOf(berta))
    await refuses(t, variables, tokenOf(anna))
  })

  test(`${name} rejects a user id without an access token, also from an admin`, async (t) => {
    for (const role of ['user', 'admin', 'public'])
      await refuses(t, { 'x-hasura-role': role, 'x-hasura-user-id': anna.id })
  })

  test(`${name} rejects session variables and an access token of different users`, async (t) => {
    await refuses(t, { 'x-hasura-role': 'user', 'x-hasura-user-id': anna.id }, tokenOf(berta))
    await refuses(t, { 'x-hasura-role': 'user', 'x-hasura-user-id': berta.id }, tokenOf(anna))
  })

  test(`${name} rejects session variables that are missing, empty or repeated`, async (t) => {
    const role = { 'x-hasura-role': 'user' }
    const user = { 'x-hasura-user-id': anna.id }
    const faulty = [
      {},
      role,
      user,
      { ...user, 'x-hasura-role': '' },
      { ...role, 'x-hasura-user-id': '' },
      { ...role, ...user, 'X-Hasura-User-Id': anna.id },
      { ...role, ...user, 'X-HASURA-ROLE': 'user' },
    ]
    for (const variables of faulty) await refuses(t, variables, tokenOf(anna))
  })

  test(`${name} rejects session variables of the wrong type`, async (t) => {
    for (const wrong of [null, 7, true, [anna.id], { id: anna.id }]) {
      const variables = { 'x-hasura-role': 'user', 'x-hasura-user-id': wrong }
      const answer = await callAction(app, name, input, { variables, client: tokenOf(anna) })
      failed(t, answer, 422, 'validation_failed')
    }
  })

  test(`${name} rejects a token whose session has ended, although Hasura still accepts it`, async (t) => {
    const session = (await app.login('anna')).body
    await app.post('/logout', { refreshToken: session.refreshToken })
    await refuses(t, { 'x-hasura-role': 'user', 'x-hasura-user-id': anna.id }, tokenOf(session))
  })

  test(`${name} rejects a deactivated user`, async (t) => {
    const gone = await app.signup(`gone-${name}`)
    await deactivate(app, gone.id)
    failed(t, await callAction(app, name, input, asUser(gone)), 401, 'invalid_token')
  })
}

test('session_variables that are not an object, or repeat a member, are rejected', async (t) => {
  const head = `{"action":{"name":"me"},"input":{},"session_variables":`
  const headers = { 'X-Action-Secret': secret, ...tokenOf(anna) }
  for (const variables of ['null', '[]', '"x-hasura-role"', '7'])
    failed(
      t,
      await app.call('POST', '/hasura/actions', { raw: `${head}${variables}}`, headers }),
      422,
      'validation_failed',
    )
  const twice = `${head}{"x-hasura-role":"user","x-hasura-user-id":"x","x-hasura-user-id":"${anna.id}"}}`
  failed(t, await app.call('POST', '/hasura/actions', { raw: twice, headers }), 400, 'malformed_request')
})

test('the names of session variables are compared without regard to case', async (t) => {
  const variables = { 'X-Hasura-Role': 'user', 'X-HASURA-USER-ID': anna.id }
  t.is((await callAction(app, 'me', {}, { variables, client: tokenOf(anna) })).status, 200)
})
