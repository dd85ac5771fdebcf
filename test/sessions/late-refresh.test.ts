import { type Answer, enginesOfRun, type SessionBody, startApp, type TestApp } from '../_app.ts'
import { refused } from '../_problem.ts'
import test from '../_test.ts'
import { act, callAction, failed, secret } from '../hasura/_actions.ts'

const firefox = (version: number) =>
  `Mozilla/5.0 (X11; Linux x86_64; rv:${version}.0) Gecko/20100101 Firefox/${version}.0`
const chrome =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36'

/** The client of a refresh: its `User-Agent` and its address. */
type Client = { userAgent?: string; address?: string }

for (const engine of enginesOfRun) {
  let app: TestApp
  test.before(`${engine}: start`, async () => {
    app = await startApp({ engine, env: { AUTH_TRUSTED_PROXIES: '1', AUTH_ACTION_SECRET: secret } })
  })
  test.after.always(`${engine}: stop`, () => app?.close())

  const refresh = (
    { refreshToken }: Pick<SessionBody, 'refreshToken'>,
    { userAgent = firefox(140), address = '203.0.113.7' }: Client = {},
  ): Promise<Answer<SessionBody>> => {
    const headers = { 'User-Agent': userAgent, 'X-Forwarded-For': address }
    return app.call('POST', '/token', { headers, body: { refreshToken } })
  }
  const eventsOf = ({ id }: SessionBody) =>
    app.logs.flatMap(({ event, userId }) => (userId === id && /^refresh/.test(String(event)) ? [event] : []))

  /** Signs a user up and loses the answer of a refresh for longer than the grace. */
  async function loseAnswer(username: string) {
    const first = await app.signup(username)
    const { body: lost } = await refresh(first)
    app.clock.advance(3_600)
    return { first, lost }
  }

  test.serial(
    `${engine}: a client that has lost the answer of a refresh gets the same unused successor once`,
    async (t) => {
      const { first, lost } = await loseAnswer('anna')
      const again = await refresh(first, { userAgent: firefox(141), address: '203.0.113.200' })
      t.is(again.status, 200)
      t.is(again.body.refreshToken, lost.refreshToken)
      t.deepEqual(eventsOf(first), ['refresh.ok', 'refresh.late'])
      const next = await refresh(again.body)
      t.is(next.status, 200)
      t.is((await refresh(next.body)).status, 200)
    },
  )

  test.serial(`${engine}: a second late repeat of one refresh token ends the session`, async (t) => {
    const { first, lost } = await loseAnswer('berta')
    t.is((await refresh(first)).status, 200)
    refused(t, await refresh(first), 401, 'invalid_token')
    refused(t, await refresh(lost), 401, 'invalid_token')
    t.deepEqual(eventsOf(first).slice(0, 3), ['refresh.ok', 'refresh.late', 'refresh.reuse'])
  })

  for (const [what, client] of [
    ['another browser', { userAgent: chrome }],
    ['another platform', { userAgent: firefox(140).replace('X11; Linux x86_64', 'Windows NT 10.0') }],
    ['another program', { userAgent: 'curl/8.5.0' }],
    ['another network', { address: '203.0.114.7' }],
    ['an IPv6 network', { address: '2001:db8::1' }],
  ] as const)
    test.serial(`${engine}: a late repeat by ${what} ends the session`, async (t) => {
      const { first, lost } = await loseAnswer(what)
      refused(t, await refresh(first, client), 401, 'invalid_token')
      refused(t, await refresh(lost), 401, 'invalid_token')
      t.deepEqual(eventsOf(first).slice(0, 2), ['refresh.ok', 'refresh.reuse'])
    })

  test.serial(`${engine}: a late repeat after the successor was used ends the session`, async (t) => {
    const { first, lost } = await loseAnswer('carla')
    const { body: third } = await refresh(lost)
    refused(t, await refresh(first), 401, 'invalid_token')
    refused(t, await refresh(third), 401, 'invalid_token')
  })

  test.serial(`${engine}: a thief who refreshes beside the owner is found at the second try`, async (t) => {
    // Both have `first`, the same kind of browser and the same network. Each has `lost` now, and one uses it.
    const { first, lost } = await loseAnswer('dora')
    t.is((await refresh(first)).body.refreshToken, lost.refreshToken)
    const { body: ahead } = await refresh(lost)
    app.clock.advance(3_600)
    refused(t, await refresh(lost), 401, 'invalid_token')
    refused(t, await refresh(ahead), 401, 'invalid_token')
    t.deepEqual(eventsOf(first).slice(0, 4), ['refresh.ok', 'refresh.late', 'refresh.ok', 'refresh.reuse'])
  })

  test.serial(
    `${engine}: a late repeat by a client of Hasura, whose browser is unknown, ends the session`,
    async (t) => {
      const first = await app.signup('helga')
      const lost = await act(app, 'refreshToken', { refreshToken: first.refreshToken })
      app.clock.advance(3_600)
      const again = await callAction(app, 'refreshToken', { refreshToken: first.refreshToken })
      failed(t, again, 401, 'invalid_token')
      refused(t, await refresh(lost), 401, 'invalid_token')
      t.deepEqual(eventsOf(first).slice(0, 2), ['refresh.ok', 'refresh.reuse'])
    },
  )

  test.serial(`${engine}: a late repeat of the token before a step-up ends the session`, async (t) => {
    // Else a thief of that token would get the fresh authentication of its owner.
    const first = await app.signup('ida')
    const { body: current } = await refresh(first)
    const stepUp = { method: 'password', password: 'correct horse' }
    const headers = {
      Authorization: `Bearer ${current.token}`,
      'User-Agent': firefox(140),
      'X-Forwarded-For': '203.0.113.7',
    }
    const fresh = await app.call<SessionBody>('POST', '/user/step-up', { headers, body: stepUp })
    t.is(fresh.status, 200)
    app.clock.advance(31)
    refused(t, await refresh(current), 401, 'invalid_token')
    refused(t, await refresh(fresh.body), 401, 'invalid_token')
  })

  test.serial(`${engine}: of ten late repeats at once one gets the successor`, async (t) => {
    const { first } = await loseAnswer('emma')
    const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(first)))
    t.is(answers.filter(({ status }) => status === 200).length, 1)
  })

  test.serial(`${engine}: a session that ended or lost its user gives no late successor`, async (t) => {
    const { first } = await loseAnswer('frida')
    await app.sql('UPDATE "user" SET active = false WHERE id = $1', [first.id])
    refused(t, await refresh(first), 401, 'invalid_token')
    const other = await loseAnswer('gerda')
    await app.post('/logout', { refreshToken: other.lost.refreshToken })
    refused(t, await refresh(other.first), 401, 'invalid_token')
  })
}
