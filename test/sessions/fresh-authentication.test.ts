import { type Answer, engines, type SessionBody } from '../_app.ts'
import { refused } from '../_problem.ts'
import test, { type ExecutionContext } from '../_test.ts'
import {
  githubber,
  googler,
  openBrowser,
  type Stage,
  signIn,
  startStage,
} from '../authentication/_sign-in.ts'
import { asUser, callAction, failed, secret } from '../hasura/_actions.ts'
import { open } from '../http/_forge.ts'
import { during } from '../observability/_events.ts'

const password = 'correct horse'
const window = 300

for (const engine of engines) {
  let stage: Stage
  test.serial.before(`${engine}: start`, async () => {
    stage = await startStage({ engine, env: { AUTH_ACTION_SECRET: secret } })
  })
  test.after.always(`${engine}: stop`, () => stage?.stop())

  const call = <Body = Record<string, unknown>>(
    session: SessionBody,
    method: string,
    path: string,
    body?: object,
  ): Promise<Answer<Body>> =>
    stage.app.call<Body>(method, path, { headers: { Authorization: `Bearer ${session.token}` }, body })
  const stepUp = (session: SessionBody, word = password) =>
    call<SessionBody>(session, 'POST', '/user/step-up', { method: 'password', password: word })
  const startLink = (session: SessionBody) => call(session, 'POST', '/user/identities/github', {})
  const unlink = (session: SessionBody) => call(session, 'DELETE', '/user/identities/github')
  const setPassword = (session: SessionBody) =>
    call(session, 'POST', '/user/password', { newPassword: 'another horse' })
  const isAlive = async (session: SessionBody) => (await call(session, 'GET', '/user')).status === 200
  const authTimeOf = ({ token }: SessionBody) => open(token).payload.auth_time
  const stale = (t: ExecutionContext, answer: Answer<unknown>) =>
    refused(t, answer as Answer, 403, 'fresh_authentication_required')

  /** Links GitHub to the user of a session, in a new browser. */
  async function link(session: SessionBody, profile = githubber()) {
    const browser = openBrowser(stage.app)
    const answer = await startLink(session)
    const cookie = (answer.headers.getSetCookie()[0] ?? '').split(';')[0]?.split('=') ?? []
    browser.cookies.set(cookie[0] ?? '', cookie[1] ?? '')
    const callback = stage.fake.authorize(answer.body.url as string, profile)
    return { profile, comeBack: () => browser.visit(callback) }
  }

  test.serial(
    `${engine}: an old token alone links nothing, unlinks nothing and sets no first password`,
    async (t) => {
      const { app } = stage
      const withPassword = await app.signup('anna')
      await (await link(withPassword)).comeBack()
      const without = (await signIn(stage, 'google', googler())).body
      app.clock.advance(window)
      t.is((await startLink(withPassword)).status, 200)
      app.clock.advance(1)
      stale(t, await startLink(withPassword))
      stale(t, await unlink(withPassword))
      stale(t, await startLink(without))
      stale(t, await setPassword(without))
      t.is((await call<{ identities: unknown[] }>(withPassword, 'GET', '/user')).body.identities.length, 1)
      t.deepEqual(await app.sql('SELECT password FROM "user" WHERE id = $1', [without.id]), [
        { password: null },
      ])
      // The current password is an authentication itself.
      const change = { currentPassword: password, newPassword: 'another horse' }
      t.is((await call(withPassword, 'POST', '/user/password', change)).status, 204)
    },
  )

  test.serial(`${engine}: a refresh makes no token fresh`, async (t) => {
    const { app } = stage
    const made = await app.signup('berta')
    app.clock.advance(window + 1)
    stale(
      t,
      await startLink((await app.post<SessionBody>('/token', { refreshToken: made.refreshToken })).body),
    )
  })

  test.serial(
    `${engine}: after a step-up the same session has fresh tokens, and the old token stays old`,
    async (t) => {
      const { app } = stage
      const made = await app.signup('carla')
      const other = (await app.login('carla')).body
      app.clock.advance(window + 1)
      const { status, headers, body } = await stepUp(made)
      t.is(status, 200)
      t.is(headers.get('cache-control'), 'no-store')
      t.deepEqual(Object.keys(body).sort(), Object.keys(made).sort())
      t.is(open(body.token).payload.sid, open(made.token).payload.sid)
      t.is(authTimeOf(body), app.clock.now.getTime() / 1000)
      t.not(body.refreshToken, made.refreshToken)
      const repeated = await app.post<SessionBody>('/token', { refreshToken: made.refreshToken })
      t.is(repeated.body.refreshToken, body.refreshToken)
      t.is((await startLink(body)).status, 200)
      t.is((await startLink(repeated.body)).status, 200)
      stale(t, await startLink(made))
      stale(t, await startLink(other))
    },
  )

  test.serial(`${engine}: a new sign-in is fresh, with a password or a provider`, async (t) => {
    const { app } = stage
    await app.signup('dora')
    const profile = githubber()
    const made = (await signIn(stage, 'github', profile)).body
    app.clock.advance(window + 1)
    t.is((await startLink((await app.login('dora')).body)).status, 200)
    stale(t, await setPassword(made))
    t.is((await setPassword((await signIn(stage, 'github', profile)).body)).status, 204)
  })

  test.serial(
    `${engine}: a link that began fresh may come back later, while its session is active`,
    async (t) => {
      const { app } = stage
      const made = await app.signup('emma')
      const [mine, other] = [await link(made), await link(made)]
      app.clock.advance(window + 1)
      t.is((await mine.comeBack()).status, 200)
      await app.post('/logout', { refreshToken: made.refreshToken })
      refused(t, (await other.comeBack()) as unknown as Answer, 403, 'invalid_state')
    },
  )

  test.serial(`${engine}: a step-up adds its method to the methods of the session`, async (t) => {
    const profile = githubber()
    const made = (await signIn(stage, 'github', profile)).body
    t.is((await setPassword(made)).status, 204)
    for (let round = 0; round < 2; round++) {
      const { body } = await stepUp(made, 'another horse')
      t.deepEqual(open(body.token).payload.amr, ['fed', 'pwd'])
      const text = 'SELECT provider FROM session WHERE id = $1'
      t.deepEqual(await stage.app.sql(text, [open(made.token).payload.sid]), [{ provider: 'github' }])
    }
  })

  test.serial(
    `${engine}: no step-up with a wrong password, without a password, or of an ended session`,
    async (t) => {
      const { app } = stage
      const made = await app.signup('frida')
      const without = (await signIn(stage, 'github', githubber())).body
      refused(t, (await stepUp(made, 'wrong horse')) as unknown as Answer, 401, 'invalid_credentials')
      refused(t, (await stepUp(without)) as unknown as Answer, 401, 'invalid_credentials')
      refused(
        t,
        await call(made, 'POST', '/user/step-up', { method: 'pwd', password }),
        422,
        'validation_failed',
      )
      refused(t, await app.post('/user/step-up', { method: 'password', password }), 401, 'invalid_token')
      await app.post('/logout', { refreshToken: made.refreshToken })
      refused(t, (await stepUp(made)) as unknown as Answer, 401, 'invalid_token')
    },
  )

  test.serial(
    `${engine}: unlinking ends the sessions that began with the provider, except its own`,
    async (t) => {
      const { app } = stage
      const byPassword = await app.signup('greta')
      const { profile, comeBack } = await link(byPassword)
      await comeBack()
      const own = (await signIn(stage, 'github', profile)).body
      const thief = (await signIn(stage, 'github', profile)).body
      const stranger = (await signIn(stage, 'github', githubber())).body
      const earlier = (await app.login('greta')).body
      await app.sql('UPDATE session SET provider = NULL WHERE id = $1', [open(earlier.token).payload.sid])
      t.is((await unlink(own)).status, 204)
      t.deepEqual(await Promise.all([own, byPassword, stranger].map(isAlive)), [true, true, true])
      t.deepEqual(await Promise.all([thief, earlier].map(isAlive)), [false, false])
      refused(t, await app.post('/token', { refreshToken: thief.refreshToken }), 401, 'invalid_token')
      t.is((await app.as(thief).get('/webhook')).status, 401)
      const text = 'SELECT revoked_reason FROM session WHERE id = $1'
      t.deepEqual(await app.sql(text, [open(thief.token).payload.sid]), [
        { revoked_reason: 'identity_unlinked' },
      ])
    },
  )

  test.serial(`${engine}: an unlinking that is rejected ends no session`, async (t) => {
    const profile = githubber()
    const [own, other] = [
      (await signIn(stage, 'github', profile)).body,
      (await signIn(stage, 'github', profile)).body,
    ]
    refused(t, await unlink(own), 409, 'last_way_in')
    t.true(await isAlive(other))
  })

  test.serial(`${engine}: a step-up, its failure and a rejected change are announced`, async (t) => {
    const { app } = stage
    const made = await app.signup('hanna')
    const facts = { userId: made.id, sessionId: open(made.token).payload.sid }
    const right = await during(app, () => stepUp(made))
    t.like(right.events, { length: 1, 0: { event: 'stepup.ok', provider: 'local', ...facts } })
    const wrong = await during(app, () => stepUp(made, 'wrong horse'))
    t.like(wrong.answer.body, { detail: 'The password is wrong. Check it, then try again.' })
    const failure = { event: 'stepup.failed', code: 'invalid_credentials', reason: 'wrong_password' }
    t.like(wrong.events, { length: 1, 0: { ...failure, ...facts } })
    app.clock.advance(window + 1)
    for (const work of [startLink, unlink]) {
      const { events } = await during(app, () => work(made))
      const code = 'fresh_authentication_required'
      t.like(events, { length: 1, 0: { event: 'stepup.required', code, ...facts } })
    }
  })

  test.serial(
    `${engine}: through Hasura the same holds: changePassword is rejected, and stepUp answers a session`,
    async (t) => {
      const { app } = stage
      const made = await app.signup('ida')
      const without = (await signIn(stage, 'github', githubber())).body
      app.clock.advance(window + 1)
      const first = { newPassword: 'another horse' }
      failed(
        t,
        await callAction(app, 'changePassword', first, asUser(without)),
        403,
        'fresh_authentication_required',
      )
      const input = { method: 'password', password }
      const { body } = await callAction<SessionBody>(app, 'stepUp', input, asUser(made))
      t.is((await startLink(body)).status, 200)
      const wrong = await callAction(app, 'stepUp', { ...input, password: 'wrong horse' }, asUser(made))
      failed(t, wrong, 401, 'invalid_credentials')
    },
  )
}
