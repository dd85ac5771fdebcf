import { engines, type SessionBody } from '../_app.ts'
import test from '../_test.ts'
import {
  exchange,
  githubber,
  home,
  openBrowser,
  type Stage,
  sentHome,
  signIn,
  startStage,
} from '../authentication/_sign-in.ts'
import { open } from '../http/_forge.ts'
import { openCookieBrowser, signUp } from '../pages/_cookie-browser.ts'

type Row = { auth_time: Date; amr: string[]; level: number; provider: string | null }

for (const engine of engines) {
  let stage: Stage
  test.serial.before(`${engine}: start`, async () => {
    stage = await startStage({ engine })
  })
  test.after.always(`${engine}: stop`, () => stage?.stop())

  const payloadOf = ({ token }: SessionBody) => open(token).payload as Record<string, unknown>
  const rowOf = async (session: SessionBody): Promise<Row | undefined> => {
    const text = 'SELECT auth_time, amr, level, provider FROM session WHERE id = $1'
    return (await stage.app.sql<Row>(text, [payloadOf(session).sid]))[0]
  }
  const seconds = (time: Date) => Math.floor(time.getTime() / 1000)

  test.serial(`${engine}: a session keeps how it began, and its tokens and GET /user say so`, async (t) => {
    const { app } = stage
    const made = await app.signup('anna')
    const provider = githubber()
    const code = sentHome(t, await signIn(stage, 'github', provider, { redirect_to: home })).get('code')
    const ways: [session: SessionBody, amr: string[], provider: string][] = [
      [made, ['pwd'], 'local'],
      [(await app.login('anna')).body, ['pwd'], 'local'],
      [(await signIn(stage, 'github', provider)).body, ['fed'], 'github'],
      [(await exchange(app, code ?? '')).body, ['fed'], 'github'],
    ]
    for (const [session, amr, provider] of ways) {
      t.deepEqual(await rowOf(session), { auth_time: app.clock.now, amr, level: 1, provider })
      t.like(payloadOf(session), { auth_time: seconds(app.clock.now), amr, acr: '1' })
      t.is(session.level, 1)
      t.is((await app.as(session).get('/user')).body.level, 1)
    }
  })

  test.serial(`${engine}: a refresh and the exchange of a code are no authentication`, async (t) => {
    const { app } = stage
    const begun = app.clock.now
    const made = await app.signup('berta')
    const browser = openBrowser(app)
    const start = stage.fake.authorize(await browser.start('github', { redirect_to: home }), githubber())
    const code = sentHome(t, await browser.visit(start)).get('code')
    app.clock.advance(40)
    const { body } = await app.post<SessionBody>('/token', { refreshToken: made.refreshToken })
    for (const session of [body, (await exchange(app, code ?? '')).body]) {
      t.deepEqual((await rowOf(session))?.auth_time, begun)
      t.is(payloadOf(session).auth_time, seconds(begun))
    }
  })

  test.serial(
    `${engine}: an app's session from the pages has the authentication of the pages' session`,
    async (t) => {
      const { app } = stage
      const begun = app.clock.now
      const browser = openCookieBrowser({ app, url: app.config.publicUrl })
      await signUp(browser, 'carla')
      app.clock.advance(1000)
      const query = `?${new URLSearchParams({ redirect_to: home })}`
      const answer = await browser.submit(`/signin${query}`, `/signin/continue${query}`)
      const [, code] = /[?&;]code=([\w-]+)/.exec(answer.text) ?? []
      const { body } = await exchange(app, code ?? '')
      t.deepEqual(await rowOf(body), { auth_time: begun, amr: ['pwd'], level: 1, provider: 'local' })
      t.is(payloadOf(body).auth_time, seconds(begun))
    },
  )

  test.serial(`${engine}: a session whose row has none of it counts from its start`, async (t) => {
    const { app } = stage
    const made = await app.signup('dora')
    await app.sql('UPDATE session SET auth_time = NULL, amr = NULL, provider = NULL WHERE id = $1', [
      payloadOf(made).sid,
    ])
    app.clock.advance(50)
    const { body } = await app.post<SessionBody>('/token', { refreshToken: made.refreshToken })
    t.like(payloadOf(body), { auth_time: seconds(app.clock.now) - 50, amr: [], acr: '1' })
  })
}
