import {
  buildClientSchema,
  buildSchema,
  getIntrospectionQuery,
  type IntrospectionQuery,
  printSchema,
} from 'graphql'
import { createActionsGraphql, createRemoteSchema } from '../../src/hasura/schema-language.ts'
import { enginesOfRun, type SessionBody, type TestApp } from '../_app.ts'
import test from '../_test.ts'
import { during } from '../observability/_events.ts'
import { asUser, startActions } from './_actions.ts'
import { askRemote, faulty } from './_remote.ts'

const session = '{ id username roles defaultRole token tokenType expiresIn refreshToken refreshExpiresIn }'
const signup = `mutation ($username: String!, $password: String!) {
  signup(username: $username, password: $password, confirmPassword: $password) ${session} }`
const login = `mutation ($username: String!, $password: String!) {
  login(username: $username, password: $password) ${session} }`
const me =
  '{ me { id username email emailVerified roles defaultRole level identities { provider subject email } createdAt } }'
const password = 'correct horse'

for (const engine of enginesOfRun) {
  let app: TestApp
  test.serial.before(`${engine}: start`, async () => {
    app = await startActions({}, { engine })
  })
  test.after.always(`${engine}: stop`, () => app?.close())

  const join = async (username: string) =>
    (await askRemote(app, signup, { username, password })).data?.signup as SessionBody

  test(`${engine}: POST /graphql signs up, logs in, refreshes and logs out`, async (t) => {
    const made = await join('anna')
    const again = (await askRemote(app, login, { username: 'anna', password })).data?.login as SessionBody
    t.is(again.id, made.id)
    t.is((await app.claimsOf(again.token))['x-hasura-user-id'], made.id)
    const refresh = `mutation ($refreshToken: String!) { refreshToken(refreshToken: $refreshToken) ${session} }`
    const { refreshToken } = again
    const next = (await askRemote(app, refresh, { refreshToken })).data?.refreshToken as SessionBody
    t.not(next.refreshToken, refreshToken)
    const logout = 'mutation ($refreshToken: String!) { logout(refreshToken: $refreshToken) { ok } }'
    t.deepEqual((await askRemote(app, logout, { refreshToken })).data, { logout: { ok: true } })
    faulty(t, await askRemote(app, refresh, { refreshToken: next.refreshToken }), 'invalid_token')
  })

  test(`${engine}: POST /graphql answers me as GET /user does, and providers as GET /providers`, async (t) => {
    const made = await join('berta')
    const { data } = await askRemote(app, me, {}, asUser(made))
    t.deepEqual(data?.me, (await app.as(made).get('/user')).body)
    const providers = await askRemote(app, '{ providers { name label flow url } }')
    t.deepEqual(providers.data?.providers, (await app.get('/providers')).body)
  })

  test(`${engine}: POST /graphql changes only the password of the user of both the session variables and the token`, async (t) => {
    const [clara, dora] = [await join('clara'), await join('dora')]
    const change = `mutation ($old: String, $new: String!) {
      changePassword(currentPassword: $old, newPassword: $new) { ok } }`
    const passwords = { old: password, new: 'another horse' }
    const { client } = asUser(clara)
    for (const variables of [
      { 'x-hasura-role': 'anonymous', 'x-hasura-user-id': clara.id },
      { 'x-hasura-role': 'user', 'x-hasura-user-id': dora.id },
      { 'x-hasura-role': 'user' },
      {},
    ]) {
      faulty(t, await askRemote(app, change, passwords, { variables, client: client ?? {} }), 'invalid_token')
    }
    const { variables } = asUser(clara)
    faulty(t, await askRemote(app, change, passwords, { variables: variables ?? {} }), 'invalid_token')
    t.deepEqual((await askRemote(app, change, passwords, asUser(clara))).data, {
      changePassword: { ok: true },
    })
    t.is((await app.login('clara', 'another horse')).status, 200)
  })

  test(`${engine}: of two operations in one request one can fail alone, and they share no state`, async (t) => {
    const emma = await join('emma')
    const { data, errors } = await askRemote(app, '{ me { username } other: me { id } }', {}, asUser(emma))
    t.deepEqual([data, errors], [{ me: { username: 'emma' }, other: { id: emma.id } }, []])
    const two = `mutation ($username: String!, $password: String!) {
      login(username: $username, password: $password) { username }
      changePassword(newPassword: "never set") { ok } }`
    const mixed = await askRemote(app, two, { username: 'emma', password })
    t.deepEqual(mixed.data, { login: { username: 'emma' }, changePassword: null })
    faulty(t, mixed, 'invalid_token')
    t.deepEqual(mixed.errors[0]?.path, ['changePassword'])
  })

  test.serial(`${engine}: an operation of POST /graphql is announced like its route`, async (t) => {
    const made = await during(app, () => join('frida'))
    t.deepEqual(made.names, ['signup', 'login.ok'])
    const missed = await during(app, () => askRemote(app, login, { username: 'frida', password: 'wrong' }))
    t.is(missed.events.length, 1)
    t.like(missed.events[0], { event: 'login.failed', reason: 'wrong_password', userId: made.answer.id })
  })

  test(`${engine}: with the secret, introspection gives every type with its descriptions`, async (t) => {
    const { data, errors } = await askRemote(app, getIntrospectionQuery())
    t.deepEqual(errors, [])
    const found = buildClientSchema(data as unknown as IntrospectionQuery)
    t.is(printSchema(found), printSchema(buildSchema(createRemoteSchema())))
    for (const type of Object.values(found.getTypeMap()).filter(({ name }) => name.startsWith('Auth')))
      t.truthy(type.description, type.name)
    for (const root of [found.getQueryType(), found.getMutationType()])
      for (const field of Object.values(root?.getFields() ?? {})) t.truthy(field.description, field.name)
  })
}

test('hasura/actions.graphql is GraphQL, with the same fields as the remote schema', (t) => {
  const merged = createActionsGraphql().replaceAll(/^type (Query|Mutation) /gm, 'extend type $1 ')
  const actions = buildSchema(`type Query\ntype Mutation\n${merged}`)
  const remote = buildSchema(createRemoteSchema())
  for (const root of ['Query', 'Mutation'] as const) {
    const of = (schema: typeof remote) =>
      Object.values(
        (root === 'Query' ? schema.getQueryType() : schema.getMutationType())?.getFields() ?? {},
      ).map(({ name, args, type }) =>
        `${name}(${args.map((arg) => `${arg.name}: ${arg.type}`)}): ${type}`.replace(/!$/, ''),
      )
    t.deepEqual(of(actions), of(remote))
  }
})
