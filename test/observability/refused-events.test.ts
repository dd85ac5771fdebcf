import type { eventTable } from '../../src/events.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { githubber, openBrowser, type Stage, startStage } from '../authentication/_sign-in.ts'
import { during } from './_events.ts'

let stage: Stage
test.before('start', async () => {
  stage = await startStage({ env: { AUTH_TRUSTED_PROXIES: '1', AUTH_COOKIE_MODE: 'true' } })
})
test.after.always('stop', () => stage?.stop())

const client = { 'X-Forwarded-For': '192.0.2.77' }
const foreign = { ...client, Origin: 'https://evil.test' }

/** Asserts that a request announces exactly these events, each with the code and the network of the client. */
async function announces(
  t: ExecutionContext,
  names: (keyof typeof eventTable)[],
  code: string,
  request: () => Promise<unknown>,
): Promise<void> {
  const { events } = await during(stage.app, request)
  t.deepEqual(
    events.map(({ event }) => event),
    names,
  )
  for (const event of events) t.like(event, { code, address: '192.0.2.0/24' })
  t.notRegex(JSON.stringify(events), /evil/)
}

/** Sends the form of the sign-in page with a forged token. */
const sendForm = (headers: Record<string, string>) =>
  stage.app.call('POST', '/signin', {
    raw: `csrf=${Math.floor(Date.now() / 1000)}.b${'x'.repeat(22)}.${'y'.repeat(43)}&username=a&password=b`,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html', ...headers },
  })

test.serial('a forged form is announced', async (t) => {
  const headers = { ...client, Origin: 'https://gateway.test' }
  await announces(t, ['form.refused'], 'invalid_state', () => sendForm(headers))
})

test.serial(
  'a form, a refresh cookie and a preflight request of a foreign origin are announced',
  async (t) => {
    const { app } = stage
    const names = ['origin.refused'] as const
    await announces(t, [...names], 'origin_not_allowed', () => sendForm(foreign))
    const Cookie = '__Host-claimgate-refresh=cgr_anything'
    await announces(t, [...names, 'refresh.failed'], 'origin_not_allowed', () =>
      app.call('POST', '/token', { body: {}, headers: { ...foreign, Cookie } }),
    )
    const preflight = { ...foreign, 'Access-Control-Request-Method': 'POST' }
    await announces(t, [...names], 'origin_not_allowed', () =>
      app.call('OPTIONS', '/login', { headers: preflight }),
    )
  },
)

test.serial('the origin of a client that Hasura forwards to the webhook is not announced', async (t) => {
  const { answer, events } = await during(stage.app, () => stage.app.get('/webhook', foreign))
  t.is(answer.status, 200)
  t.deepEqual(events, [])
})

test.serial('a request without an origin is not announced as foreign', async (t) => {
  const headers = { 'Access-Control-Request-Method': 'POST' }
  const { events } = await during(stage.app, () => stage.app.call('OPTIONS', '/login', { headers }))
  t.deepEqual(events, [])
})

test.serial('a callback with a state of another browser is announced, beside the failed login', async (t) => {
  const { app, fake } = stage
  const back = fake.authorize(await openBrowser(app).start('github'), githubber())
  const { pathname, search } = new URL(back)
  await announces(t, ['state.refused', 'login.failed'], 'invalid_state', () =>
    app.get(pathname + search, client),
  )
})

test.serial('a hostile redirect target is announced', async (t) => {
  const { events } = await during(stage.app, () =>
    stage.app.get('/auth/github?redirect_to=https://evil.test/', client),
  )
  t.like(events, { length: 1, 0: { event: 'redirect.refused', address: '192.0.2.0/24' } })
})
