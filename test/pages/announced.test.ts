import test from '../_test.ts'
import { during, type Event } from '../observability/_events.ts'
import { openCookieBrowser, signUp } from './_cookie-browser.ts'
import { type Stage, startPages } from './_pages.ts'

let stage: Stage
test.before('start', async () => {
  stage = await startPages({ env: { AUTH_METRICS: 'true' } })
})
test.after.always('stop', () => stage?.stop())

const password = 'correct horse'
const toApp = () => `?redirect_to=${encodeURIComponent(stage.home)}`

/** The sessions of a user, in the order in which they began. */
const sessionsOf = async (username: string) =>
  (
    await stage.app.sql<{ id: string }>(
      `SELECT s.id FROM session s JOIN "user" u ON u.id = s.user_id WHERE u.username = $1 ORDER BY s.created_at`,
      [username],
    )
  ).map(({ id }) => id)

const told = (events: Event[]) => events.map(({ event, sessionId }) => [event, sessionId])

async function countSignIns(): Promise<string | undefined> {
  const { text } = await stage.app.get('/metrics')
  return /claimgate_logins_total{provider="local",outcome="ok"} (\d+)/.exec(text)?.[1]
}

test.serial('a sign-in on a page for an app tells of both sessions, and counts once', async (t) => {
  await stage.app.signup('ada')
  stage.app.clock.advance(1)
  const before = Number(await countSignIns())
  const path = `/signin${toApp()}`
  const { events } = await during(stage.app, () =>
    openCookieBrowser(stage).submit(path, path, { username: 'ada', password }),
  )
  const [, ...begun] = await sessionsOf('ada')
  t.is(begun.length, 2)
  const [login, app] = [
    events.find((e) => e.event === 'login.ok'),
    events.find((e) => e.event !== 'login.ok'),
  ]
  t.is(events.length, 2)
  t.like(login, { provider: 'local', level: 30 })
  t.like(app, { event: 'session.begun', userId: login?.userId as string, level: 30 })
  t.deepEqual(new Set([login?.sessionId, app?.sessionId]), new Set(begun))
  const list = await stage.app.sql<{ session_id: string }>('SELECT session_id FROM authorization_code')
  t.is(app?.sessionId, list.at(-1)?.session_id, 'the code is for the session that the app was given')
  t.is(Number(await countSignIns()), before + 1)
})

test.serial(
  'going on to an app as who is signed in tells of the session of the app, and is no sign-in',
  async (t) => {
    const browser = openCookieBrowser(stage)
    await signUp(browser, 'eve')
    stage.app.clock.advance(1)
    const before = await countSignIns()
    const { events } = await during(stage.app, () =>
      browser.submit(`/signin${toApp()}`, `/signin/continue${toApp()}`),
    )
    const [, app] = await sessionsOf('eve')
    t.deepEqual(told(events), [['session.begun', app]])
    t.is(await countSignIns(), before)
  },
)

test.serial('a browser that signs in anew tells of the session that ends', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'grace')
  stage.app.clock.advance(1)
  const fields = { username: 'grace', password }
  const { events } = await during(stage.app, () => browser.submit('/signin?prompt=login', '/signin', fields))
  const [first, second] = await sessionsOf('grace')
  t.deepEqual(told(events), [
    ['logout', first],
    ['login.ok', second],
  ])
})
