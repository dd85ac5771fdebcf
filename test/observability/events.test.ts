import { readFile } from 'node:fs/promises'
import { eventTable } from '../../src/events.ts'
import { type CallOptions, root, type SessionBody } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { type Stage, startStage } from '../authentication/_sign-in.ts'
import { during } from './_events.ts'

let stage: Stage
test.before('start', async () => {
  stage = await startStage({ env: { AUTH_TRUSTED_PROXIES: '1' } })
})
test.after.always('stop', () => stage?.stop())

const bearer = (session: SessionBody, options: CallOptions = {}): CallOptions => ({
  ...options,
  headers: { Authorization: `Bearer ${session.token}` },
})

async function refuses(t: ExecutionContext, username: string, password: string, reason: string) {
  const { answer, events } = await during(stage.app, () => stage.app.login(username, password))
  t.is(answer.status, 401)
  t.is(events.length, 1)
  t.like(events[0], { event: 'login.failed', provider: 'local', code: 'invalid_credentials', reason })
  t.notRegex(JSON.stringify(events), new RegExp(`${username}|${password}`))
  return events[0]?.userId
}

test.serial(
  'a sign-up, a login and a log-out are announced with user, session, request and network',
  async (t) => {
    const { app } = stage
    const headers = { 'X-Forwarded-For': '192.0.2.77', 'X-Request-Id': 'mine' }
    const body = { username: 'anna', password: 'correct horse', confirmPassword: 'correct horse' }
    const made = await during(stage.app, () => app.call<SessionBody>('POST', '/signup', { body, headers }))
    const userId = made.answer.body.id
    t.deepEqual(made.names, ['signup', 'login.ok'])
    for (const event of made.events)
      t.like(event, { level: 30, userId, provider: 'local', requestId: 'mine', address: '192.0.2.0/24' })
    const { answer, events } = await during(stage.app, () => app.login('anna'))
    t.deepEqual(
      events.map(({ event, userId }) => ({ event, userId })),
      [{ event: 'login.ok', userId }],
    )
    t.not(events[0]?.sessionId, made.events[1]?.sessionId)
    const out = await during(stage.app, () => app.post('/logout', { refreshToken: answer.body.refreshToken }))
    t.is(out.events.length, 1)
    t.like(out.events[0], { event: 'logout', everywhere: false, sessionId: events[0]?.sessionId })
  },
)

test.serial(
  'the log has the reason of a failed login, which the answer has not, and never the typed values',
  async (t) => {
    const { id } = await stage.app.signup('bertram')
    t.is(await refuses(t, 'nobody-at-all', 'correct battery', 'unknown_user'), undefined)
    t.is(await refuses(t, 'bertram', 'wrong battery', 'wrong_password'), id)
    await stage.app.sql(`UPDATE "user" SET active = false WHERE username = 'bertram'`)
    t.is(await refuses(t, 'bertram', 'correct horse', 'inactive'), id)
    const costly = `$2b$26$${'x'.repeat(53)}`
    await stage.app.sql(`UPDATE "user" SET active = true, password = $1 WHERE username = 'bertram'`, [costly])
    t.is(await refuses(t, 'bertram', 'correct horse', 'unusable_hash'), id)
    await stage.app.sql(`UPDATE "user" SET active = true, password = NULL WHERE username = 'bertram'`)
    t.is(await refuses(t, 'bertram', 'correct horse', 'no_password'), id)
  },
)

test.serial('a rejected sign-up is announced with its code', async (t) => {
  await stage.app.signup('carla')
  const body = { username: 'CARLA', password: 'correct horse', confirmPassword: 'correct horse' }
  const { events } = await during(stage.app, () => stage.app.post('/signup', body))
  t.is(events.length, 1)
  t.like(events[0], { event: 'signup.failed', code: 'username_taken', userId: undefined })
})

test.serial(
  'a refresh is announced at debug, a rejected token at info, a late or reused token as a warning',
  async (t) => {
    const { app } = stage
    const { refreshToken, id } = await app.signup('dora')
    const refresh = () => during(stage.app, () => app.post('/token', { refreshToken }))
    t.like((await refresh()).events, { length: 1, 0: { event: 'refresh.ok', level: 20, userId: id } })
    app.clock.advance(31)
    t.like((await refresh()).events, { length: 1, 0: { event: 'refresh.late', level: 40, userId: id } })
    t.like((await refresh()).events, { length: 1, 0: { event: 'refresh.reuse', level: 40, userId: id } })
    t.like((await refresh()).events, { length: 1, 0: { event: 'refresh.failed', level: 30 } })
    const forged = await during(stage.app, () => app.post('/token', { refreshToken: 'cgr_forged' }))
    t.like(forged.events, { length: 1, 0: { event: 'refresh.failed', code: 'invalid_token' } })
  },
)

test.serial(
  'a change of password, a rejected change and a session ended by another session are announced',
  async (t) => {
    const { app } = stage
    const session = await app.signup('emil')
    const change = (currentPassword: string) =>
      during(stage.app, () =>
        app.call(
          'POST',
          '/user/password',
          bearer(session, { body: { currentPassword, newPassword: 'battery' } }),
        ),
      )
    t.like((await change('no horse')).events, {
      length: 1,
      0: { event: 'password.refused', userId: session.id },
    })
    t.like((await change('correct horse')).events, {
      length: 1,
      0: { event: 'password.changed', userId: session.id },
    })
    const other = (await app.login('emil', 'battery')).body
    const sessionId = JSON.parse(String(Buffer.from(other.token.split('.')[1] ?? '', 'base64url'))).sid
    const ended = await during(stage.app, () =>
      app.call('DELETE', `/user/sessions/${sessionId}`, bearer(session)),
    )
    t.like(ended.events, { length: 1, 0: { event: 'session.revoked', sessionId, userId: session.id } })
  },
)

test.serial('a role that the user does not have is announced when Hasura requests it', async (t) => {
  const session = await stage.app.signup('frida')
  const headers = { Authorization: `Bearer ${session.token}`, 'X-Hasura-Role': 'manager' }
  const { answer, events } = await during(stage.app, () => stage.app.get('/webhook', headers))
  t.is(answer.status, 401)
  t.like(events, { length: 1, 0: { event: 'role.denied', userId: session.id } })
  t.deepEqual((await during(stage.app, () => stage.app.get('/webhook', bearer(session).headers))).events, [])
})

test('the documentation has every event of the table, and no other', async (t) => {
  const text = await readFile(new URL('docs/reference/observability.md', root), 'utf8')
  const named = [...text.matchAll(/^\| `([a-z]+(?:\.[a-z_]+)?)` \| (\w+) \|/gm)].map(([, name, level]) => [
    name,
    level,
  ])
  t.deepEqual(
    named,
    Object.entries(eventTable).map(([name, { level }]) => [name, level]),
  )
})
