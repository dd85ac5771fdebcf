import { type Answer, enginesOfRun, type SessionBody, startApp, type TestApp } from '../_app.ts'
import { deactivate, grant, revoke, setClaim, setDefaultRole } from '../_grant.ts'
import { readWebhook, webhookGetHeaders, webhookPostBody } from '../_hasura.ts'
import { refused } from '../_problem.ts'
import test from '../_test.ts'

type Ask = (app: TestApp, client: Record<string, string>) => Promise<Answer<Record<string, string>>>

/** The two forms in which Hasura forwards the headers of its client. */
const forms: Record<string, Ask> = {
  GET: (app, client) => app.get('/webhook', webhookGetHeaders(client)),
  POST: (app, client) => {
    const raw = webhookPostBody(client, { query: '{ user { id } }', operationName: null, variables: null })
    return app.call('POST', '/webhook', { raw })
  },
}

const bearer = ({ token }: Pick<SessionBody, 'token'>) => ({ Authorization: `Bearer ${token}` })

for (const engine of enginesOfRun) {
  let app: TestApp
  test.serial.before(`${engine}: start`, async () => {
    app = await startApp({ engine })
  })
  test.after.always(`${engine}: stop`, () => app?.close())

  for (const [method, ask] of Object.entries(forms)) {
    const on = `${engine}: ${method} /webhook`

    test(`${on} answers user, role, extra claims and lifetime of a token, and nothing else`, async (t) => {
      const session = await app.signup(`plain-${method}`)
      await setClaim(app, session.id, 'org-id', '7')
      const { status, body } = await ask(app, bearer(session))
      t.is(status, 200)
      t.deepEqual(body, {
        'x-hasura-org-id': '7',
        'X-Hasura-User-Id': session.id,
        'X-Hasura-Role': 'user',
        'Cache-Control': 'max-age=900',
      })
    })

    test.serial(`${on} never names a lifetime beyond that of the token`, async (t) => {
      const session = await app.signup(`aging-${method}`)
      const expires = app.clock.now.getTime() / 1000 + session.expiresIn
      for (const [step, rest] of [
        [0, 900],
        [600, 300],
        [299, 1],
      ] as const) {
        app.clock.advance(step)
        const { text, body } = await ask(app, bearer(session))
        t.is(body['Cache-Control'], `max-age=${rest}`)
        t.truthy(readWebhook(200, text, { now: app.clock.now.getTime() / 1000, expires }))
      }
      app.clock.advance(1)
      refused(t, await ask(app, bearer(session)), 401, 'invalid_token')
    })

    test(`${on} knows a role whose name is not ASCII`, async (t) => {
      const session = await app.signup(`accented-${method}`)
      await grant(app, session.id, 'rôle 役')
      // The bytes of a client that writes UTF-8 into a header.
      const sent = method === 'GET' ? Buffer.from('rôle 役').toString('latin1') : 'rôle 役'
      const { status, body } = await ask(app, { ...bearer(session), 'X-Hasura-Role': sent })
      t.is(status, 200)
      t.is(body['X-Hasura-Role'], 'rôle 役')
    })

    test(`${on} honours the role that the client asks for if the user has it, and only then`, async (t) => {
      const session = await app.signup(`roles-${method}`)
      await grant(app, session.id, 'editor')
      const asked = (role: string) => ask(app, { ...bearer(session), 'X-Hasura-Role': role })
      t.is((await asked('editor')).body['X-Hasura-Role'], 'editor')
      t.is((await asked('user')).body['X-Hasura-Role'], 'user')
      for (const role of ['admin', 'anonymous', 'Editor', 'editor,user', 'toString']) {
        refused(t, await asked(role), 401, 'role_denied')
      }
    })

    test(`${on} answers the default role to an empty X-Hasura-Role, as Hasura does in JWT mode`, async (t) => {
      const session = await app.signup(`empty-${method}`)
      const asked = async () => (await ask(app, { ...bearer(session), 'X-Hasura-Role': '' })).body
      t.is((await asked())['X-Hasura-Role'], 'user')
      await grant(app, session.id, 'editor')
      await setDefaultRole(app, session.id, 'editor')
      t.is((await asked())['X-Hasura-Role'], 'editor')
    })

    test(`${on} reads header names in any case`, async (t) => {
      const session = await app.signup(`case-${method}`)
      await grant(app, session.id, 'editor')
      for (const [credential, role] of [
        ['authorization', 'x-hasura-role'],
        ['AUTHORIZATION', 'X-HASURA-ROLE'],
        ['aUthorization', 'x-Hasura-Role'],
      ] as const) {
        const { body } = await ask(app, { [credential]: `Bearer ${session.token}`, [role]: 'editor' })
        t.is(body['X-Hasura-Role'], 'editor')
      }
    })

    test(`${on} ignores every other x-hasura header of the client`, async (t) => {
      const session = await app.signup(`forging-${method}`)
      const forged = {
        'x-hasura-user-id': '00000000-0000-4000-8000-000000000000',
        'x-hasura-allowed-roles': '["admin"]',
        'x-hasura-default-role': 'admin',
        'x-hasura-org-id': '1',
        'x-hasura-admin-secret': 'guess',
      }
      const { body } = await ask(app, { ...bearer(session), ...forged })
      t.deepEqual(Object.keys(body).sort(), ['Cache-Control', 'X-Hasura-Role', 'X-Hasura-User-Id'])
      t.is(body['X-Hasura-User-Id'], session.id)
      t.is(body['X-Hasura-Role'], 'user')
      t.deepEqual((await ask(app, forged)).body, { 'X-Hasura-Role': 'anonymous' })
    })

    test(`${on} shows roles, default role and claims as the database has them now`, async (t) => {
      const session = await app.signup(`live-${method}`)
      const answer = async (role?: string) =>
        (await ask(app, { ...bearer(session), ...(role && { 'X-Hasura-Role': role }) })).body
      await grant(app, session.id, 'editor')
      await setClaim(app, session.id, 'team', '"red"')
      t.is((await answer('editor'))['X-Hasura-Role'], 'editor')
      t.is((await answer())['x-hasura-team'], 'red')
      await setDefaultRole(app, session.id, 'editor')
      t.is((await answer())['X-Hasura-Role'], 'editor')
      await setDefaultRole(app, session.id, null)
      await revoke(app, session.id, 'editor')
      t.is((await answer('editor')).code, 'role_denied')
      t.is((await answer())['X-Hasura-Role'], 'user')
    })

    test(`${on} refuses a role called admin, which is the superuser of Hasura`, async (t) => {
      const session = await app.signup(`root-${method}`)
      await grant(app, session.id, 'admin')
      refused(t, await ask(app, { ...bearer(session), 'X-Hasura-Role': 'admin' }), 401, 'role_denied')
    })

    test(`${on} is 401 once the session is over, although the token has not expired`, async (t) => {
      const session = await app.signup(`out-${method}`)
      t.is((await ask(app, bearer(session))).status, 200)
      await app.post('/logout', { refreshToken: session.refreshToken })
      refused(t, await ask(app, bearer(session)), 401, 'invalid_token')
    })

    test(`${on} is 401 once the user is deactivated or deleted`, async (t) => {
      const inactive = await app.signup(`inactive-${method}`)
      await deactivate(app, inactive.id)
      refused(t, await ask(app, bearer(inactive)), 401, 'invalid_token')
      const deleted = await app.signup(`deleted-${method}`)
      await app.sql('DELETE FROM "user" WHERE id = $1', [deleted.id])
      refused(t, await ask(app, bearer(deleted)), 401, 'invalid_token')
    })
  }
}
