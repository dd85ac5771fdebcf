import { appTest, enginesOfRun, quick, type SessionBody, startApp, type TestApp } from '../_app.ts'
import { grant, revoke, setClaim, setDefaultRole } from '../_grant.ts'
import { refused } from '../_problem.ts'
import test from '../_test.ts'

for (const engine of enginesOfRun) {
  let app: TestApp
  test.serial.before(`${engine}: start`, async () => {
    app = await startApp({ engine })
  })
  test.after.always(`${engine}: stop`, () => app?.close())

  const refresh = async ({ refreshToken }: SessionBody): Promise<SessionBody> => {
    const answer = await app.post<SessionBody>('/token', { refreshToken })
    if (answer.status !== 200) throw new Error(answer.text)
    return answer.body
  }

  test(`${engine}: a session and its token carry the roles of user_role, sorted, with the default role`, async (t) => {
    const first = await app.signup('roles')
    for (const role of ['writer', 'Reader', 'äditor']) await grant(app, first.id, role)
    const { body } = await app.login('roles')
    const roles = ['Reader', 'user', 'writer', 'äditor']
    t.deepEqual(body.roles, roles)
    t.is(body.defaultRole, 'user')
    t.deepEqual(await app.claimsOf(body.token), {
      'x-hasura-allowed-roles': roles,
      'x-hasura-default-role': 'user',
      'x-hasura-user-id': first.id,
    })
    const { body: user } = await app.as(body).get('/user')
    t.deepEqual(user.roles, roles)
  })

  test(`${engine}: default_role_id chooses the default role, and allows it without a user_role row`, async (t) => {
    const first = await app.signup('default')
    await setDefaultRole(app, first.id, 'editor')
    const second = await refresh(first)
    t.is(second.defaultRole, 'editor')
    t.deepEqual(second.roles, ['editor', 'user'])
    await setDefaultRole(app, first.id, null)
    const third = await refresh(second)
    t.is(third.defaultRole, 'user')
    t.deepEqual(third.roles, ['user'])
  })

  test(`${engine}: granted and revoked roles reach a token at the next refresh, and not before`, async (t) => {
    const first = await app.signup('changing')
    await grant(app, first.id, 'manager')
    t.deepEqual((await app.claimsOf(first.token))['x-hasura-allowed-roles'], ['user'])
    const second = await refresh(first)
    t.deepEqual(second.roles, ['manager', 'user'])
    await revoke(app, first.id, 'manager')
    t.deepEqual((await refresh(second)).roles, ['user'])
  })

  test(`${engine}: a user has only the user's own roles`, async (t) => {
    const one = await app.signup('one')
    const other = await app.signup('other')
    await grant(app, one.id, 'only-one')
    t.deepEqual((await refresh(other)).roles, ['user'])
    t.deepEqual((await refresh(one)).roles, ['only-one', 'user'])
  })

  test(`${engine}: a role called admin is left out of the token, and logged, also as default role`, async (t) => {
    const first = await app.signup('root')
    await grant(app, first.id, 'admin')
    await setDefaultRole(app, first.id, 'admin')
    const { roles, defaultRole, token } = await refresh(first)
    t.deepEqual(roles, ['user'])
    t.is(defaultRole, 'user')
    t.false(JSON.stringify(await app.claimsOf(token)).includes('admin'))
    t.true(app.logs.some(({ level, userId }) => level === 40 && userId === first.id))
  })

  test(`${engine}: a role that no header can carry is left out of the token and the webhook, and logged`, async (t) => {
    const first = await app.signup('uncarried')
    await grant(app, first.id, 'editor ')
    await setDefaultRole(app, first.id, 'edi\ntor')
    const second = await refresh(first)
    t.deepEqual(second.roles, ['user'])
    t.is((await app.as(second).get('/webhook')).body['X-Hasura-Role'], 'user')
    const left = app.logs.find(({ userId, leftOut }) => userId === first.id && leftOut)
    t.deepEqual(left?.leftOut, ['role "editor "', 'role "edi\\ntor"'])
  })

  const values: [what: string, json: string, text: string | undefined][] = [
    ['a string', '"42-B é"', '42-B é'],
    ['a number', '42', '42'],
    ['a number with more digits than JavaScript keeps', '9007199254740993', '9007199254740993'],
    ['a fraction', '1.10', '1.10'],
    ['a boolean', 'true', 'true'],
    ['an array', '["a", "b c", null, "NULL", "", "q\\"", true]', '{a,"b c",NULL,"NULL","","q\\"",true}'],
    ['an array of big numbers', '[9007199254740993, 7]', '{9007199254740993,7}'],
    ['an array of objects', '[{"a": 1.5}, "{"]', '{"{\\"a\\":1.5}","{"}'],
    [
      'an array with a number in a text',
      '["a 12345678901234567890 \\" 7"]',
      '{"a 12345678901234567890 \\" 7"}',
    ],
    ['an empty array', '[]', '{}'],
    ['an object', '{"a": [1, "x"]}', '{"a":[1,"x"]}'],
    ['null', 'null', undefined],
  ]
  for (const [index, [what, json, text]] of values.entries()) {
    test(`${engine}: a user_claim that is ${what} becomes ${text ?? 'nothing'}`, async (t) => {
      const first = await app.signup(`claim-${index}`)
      await setClaim(app, first.id, 'org-id', json)
      const second = await refresh(first)
      t.is((await app.claimsOf(second.token))['x-hasura-org-id'], text)
      const { body } = await app.as(second).get('/webhook')
      t.is(body['x-hasura-org-id'], text)
    })
  }

  test.serial(`${engine}: when the roles cannot be read there is no token`, async (t) => {
    const { refreshToken, token } = await app.signup('stranded')
    await app.sql('ALTER TABLE user_role RENAME TO user_role_away')
    t.teardown(() => app.sql('ALTER TABLE IF EXISTS user_role_away RENAME TO user_role'))
    const body = { username: 'late', password: 'correct horse', confirmPassword: 'correct horse' }
    for (const answer of [
      await app.login('stranded'),
      await app.post('/token', { refreshToken }),
      await app.post('/signup', body),
      await app.as({ token }).get('/user'),
      await app.as({ token }).get('/webhook'),
    ]) {
      refused(t, answer, 500, 'server_error')
    }
    await app.sql('ALTER TABLE user_role_away RENAME TO user_role')
    t.is((await app.post('/token', { refreshToken })).status, 200)
  })
}

test.serial(
  'AUTH_DEFAULT_ROLE names the role of every user, and AUTH_ALLOW_ADMIN_ROLE=true allows admin',
  appTest(
    {
      engine: quick,
      env: { AUTH_ALLOW_ADMIN_ROLE: 'true', AUTH_DEFAULT_ROLE: 'member' },
    },
    async (t, app) => {
      const { id, roles, defaultRole } = await app.signup('root')
      t.deepEqual(roles, ['member'])
      t.is(defaultRole, 'member')
      await grant(app, id, 'admin')
      t.deepEqual((await app.login('root')).body.roles, ['admin', 'member'])
    },
  ),
)

test.serial(
  'AUTH_CLAIMS_NAMESPACE and AUTH_CLAIMS_FORMAT set the member and the format of the claims',
  async (t) => {
    const env = { AUTH_CLAIMS_NAMESPACE: 'urn:example:claims', AUTH_CLAIMS_FORMAT: 'stringified_json' }
    const app = await startApp({ engine: quick, env })
    t.teardown(app.close)
    const { token, id } = await app.signup('new')
    const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    t.is(typeof payload['urn:example:claims'], 'string')
    t.is((await app.claimsOf(token))['x-hasura-user-id'], id)
    t.is((await app.as({ token }).get('/user')).status, 200)
  },
)
