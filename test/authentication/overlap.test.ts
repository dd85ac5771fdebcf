import { type Answer, enginesOfRun, type SessionBody } from '../_app.ts'
import { rounds } from '../_rounds.ts'
import test, { type ExecutionContext } from '../_test.ts'
import {
  exchange,
  githubber,
  googler,
  home,
  openBrowser,
  type Stage,
  sentHome,
  signIn,
  startStage,
} from './_sign-in.ts'

const turns = rounds(5, 20)

/** Asserts that a session, its token and the answers for the token belong to the same user. */
async function belongs(
  t: ExecutionContext,
  { app }: Stage,
  { status, body, text }: Answer<SessionBody>,
  id: string,
): Promise<void> {
  t.is(status, 200, text)
  t.is(body.id, id)
  t.is((await app.claimsOf(body.token))['x-hasura-user-id'], id)
  const me = await app.as(body).get('/user')
  t.is(me.body.id, id)
}

function emailRequests({ fake }: Stage): number {
  return fake.requests.filter(({ endpoint }) => endpoint === 'emails').length
}

for (const engine of enginesOfRun) {
  let stage: Stage
  test.serial.before(`${engine}: start`, async () => {
    stage = await startStage({ engine, env: { AUTH_BCRYPT_COST: '6' } })
  })
  test.after.always(`${engine}: stop`, () => stage?.stop())

  test.serial(
    `${engine}: Alice and Bob who log in at the same time each get their own session`,
    async (t) => {
      const { app } = stage
      const alice = await app.signup('alice', 'the password of alice')
      const bob = await app.signup('bob', 'the password of bob')
      for (let round = 0; round < turns; round++) {
        const [forAlice, forBob, forNobody, swapped] = await Promise.all([
          app.login('alice', 'the password of alice'),
          app.login('bob', 'the password of bob'),
          app.login('alice', 'the password of nobody'),
          app.login('bob', 'the password of alice'),
        ])
        await belongs(t, stage, forAlice, alice.id)
        await belongs(t, stage, forBob, bob.id)
        for (const refused of [forNobody, swapped])
          t.like(refused, { status: 401, body: { code: 'invalid_credentials' } })
      }
    },
  )

  test.serial(
    `${engine}: Alice and Bob who come from GitHub at the same time each get their own session`,
    async (t) => {
      const alice = githubber()
      const bob = githubber()
      const ids = [
        (await signIn(stage, 'github', alice)).body.id,
        (await signIn(stage, 'github', bob)).body.id,
      ]
      for (let round = 0; round < turns; round++) {
        const [forAlice, forBob] = await Promise.all([
          signIn(stage, 'github', alice),
          signIn(stage, 'github', bob),
        ])
        await belongs(t, stage, forAlice, ids[0] ?? '')
        await belongs(t, stage, forBob, ids[1] ?? '')
      }
    },
  )

  for (const endpoint of ['token', 'profile'] as const) {
    test.serial(
      `${engine}: Alice whose provider answers late at the ${endpoint} endpoint does not become Bob, who overtakes her`,
      async (t) => {
        const alice = googler()
        const bob = githubber()
        const carol = await stage.app.signup(`carol-${endpoint}`)
        const aliceId = (await signIn(stage, 'google', alice)).body.id
        const bobId = (await signIn(stage, 'github', bob)).body.id
        stage.fake.fault('google', endpoint, 'slow:100')
        t.teardown(() => stage.fake.fault('google', endpoint, null))
        for (let round = 0; round < turns / 4; round++) {
          const late = signIn(stage, 'google', alice)
          const others = await Promise.all([
            signIn(stage, 'github', bob),
            stage.app.login(`carol-${endpoint}`),
            signIn(stage, 'github', bob),
          ])
          await belongs(t, stage, others[0], bobId)
          await belongs(t, stage, others[1], carol.id)
          await belongs(t, stage, others[2], bobId)
          await belongs(t, stage, await late, aliceId)
        }
      },
    )
  }

  test.serial(
    `${engine}: Bob who comes back while Alice's slow provider is asked does not get Alice's code`,
    async (t) => {
      const { app, fake } = stage
      const people = { alice: githubber(), bob: githubber() }
      const ids = {
        alice: (await signIn(stage, 'github', people.alice)).body.id,
        bob: (await signIn(stage, 'github', people.bob)).body.id,
      }
      t.teardown(() => fake.fault('github', 'emails', null))
      for (let round = 0; round < turns / 4; round++) {
        const comeBack = async (name: 'alice' | 'bob') => {
          const browser = openBrowser(app)
          const location = await browser.start('github', { redirect_to: home })
          return () => browser.visit(fake.authorize(location, people[name]))
        }
        const [alice, bob] = [await comeBack('alice'), await comeBack('bob')]
        fake.fault('github', 'emails', 'slow:150')
        const before = emailRequests(stage)
        const late = alice()
        while (emailRequests(stage) === before) await new Promise((resolve) => setTimeout(resolve, 2))
        fake.fault('github', 'emails', null)
        const answers = { bob: await bob(), alice: await late }
        for (const name of ['bob', 'alice'] as const) {
          const code = sentHome(t, answers[name]).get('code') ?? ''
          await belongs(t, stage, await exchange(app, code), ids[name])
        }
      }
    },
  )
}
