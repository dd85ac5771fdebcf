import { engines } from '../_app.ts'
import test from '../_test.ts'
import {
  exchange,
  githubber,
  home,
  openBrowser,
  refused,
  type Stage,
  signInForCode,
  startStage,
  tokenRequests,
} from './_sign-in.ts'

for (const engine of engines) {
  let stage: Stage
  test.serial.before(`${engine}: start`, async () => {
    stage = await startStage({ engine })
  })
  test.after.always(`${engine}: stop`, () => stage?.stop())

  test.serial(`${engine}: of 20 parallel exchanges of one code exactly one wins`, async (t) => {
    for (let round = 0; round < 3; round++) {
      const code = await signInForCode(t, stage, 'github', githubber())
      const answers = await Promise.all(Array.from({ length: 20 }, () => exchange(stage.app, code)))
      const losers = answers.filter(({ status }) => status !== 200)
      t.is(losers.length, 19)
      for (const loser of losers) refused(t, loser, 401, 'invalid_code')
    }
  })

  test.serial(
    `${engine}: of 5 identical parallel callbacks exactly one reaches the token endpoint`,
    async (t) => {
      for (let round = 0; round < 3; round++) {
        const browser = openBrowser(stage.app)
        const location = await browser.start('github', { redirect_to: home })
        const callback = stage.fake.authorize(location, githubber())
        const twins = Array.from({ length: 5 }, () => {
          const twin = openBrowser(stage.app)
          for (const [name, value] of browser.cookies) twin.cookies.set(name, value)
          return twin
        })
        const answers = await Promise.all(twins.map((twin) => twin.visit(callback)))
        const losers = answers.filter(({ status }) => status !== 302)
        t.is(losers.length, 4)
        for (const loser of losers) refused(t, loser, 403, 'invalid_state')
        const code = new URL(callback).searchParams.get('code') ?? ''
        t.is(tokenRequests(stage.fake).filter(({ body }) => body.includes(code)).length, 1)
      }
    },
  )
}
