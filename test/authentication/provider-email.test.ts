import { enginesOfRun } from '../_app.ts'
import type { GoogleProfile } from '../_fake-provider.ts'
import test from '../_test.ts'
import {
  githubber,
  googler,
  home,
  proven,
  refused,
  type Stage,
  sentHome,
  signIn,
  startStage,
} from './_sign-in.ts'

type Emails = { email: string | null; email_verified: boolean }

for (const engine of enginesOfRun) {
  let stage: Stage
  test.serial.before(`${engine}: start`, async () => {
    stage = await startStage({ engine })
  })
  test.after.always(`${engine}: stop`, () => stage?.stop())

  test.serial(`${engine}: a GitHub user without any e-mail address can sign in`, async (t) => {
    const answer = await signIn(stage, 'github', { user: { id: 77, login: 'mailless' }, emails: [] })
    t.is(answer.status, 200, answer.text)
    t.deepEqual(await emailsOf(answer.body.id), {
      user: { email: null, email_verified: false },
      identity: { email: null, email_verified: false },
    })
  })

  async function emailsOf(
    userId: string,
  ): Promise<{ user: Emails | undefined; identity: Emails | undefined }> {
    const [user] = await stage.app.sql<Emails>('SELECT email, email_verified FROM "user" WHERE id = $1', [
      userId,
    ])
    const [identity] = await stage.app.sql<Emails>(
      'SELECT email, email_verified FROM identity WHERE user_id = $1',
      [userId],
    )
    return { user, identity }
  }

  test.serial(`${engine}: a verified address becomes the address of the new user`, async (t) => {
    const atGithub = await signIn(stage, 'github', githubber('verified', proven('verified@mail.test')))
    const atGoogle = await signIn(stage, 'google', googler({ email: 'Also.Verified@mail.test' }))
    t.true(atGithub.body.emailVerified)
    t.true(atGoogle.body.emailVerified)
    const one = { email: 'verified@mail.test', email_verified: true }
    t.deepEqual(await emailsOf(atGithub.body.id), { user: one, identity: one })
    const other = { email: 'Also.Verified@mail.test', email_verified: true }
    t.deepEqual(await emailsOf(atGoogle.body.id), { user: other, identity: other })
  })

  for (const [what, emails] of [
    ['primary but not verified', [{ email: 'a@mail.test', primary: true, verified: false }]],
    ['verified but not primary', [{ email: 'b@mail.test', primary: false, verified: true }]],
    [
      'primary in one and verified in another entry',
      [
        { email: 'c@mail.test', primary: true, verified: false },
        { email: 'c@mail.test', primary: false, verified: true },
      ],
    ],
  ] as const) {
    test.serial(`${engine}: an address at GitHub that is ${what} is not the user's`, async (t) => {
      const profile = githubber(undefined, [...emails])
      profile.user.email = emails[0].email
      const { status, body } = await signIn(stage, 'github', profile)
      t.is(status, 200)
      t.deepEqual((await emailsOf(body.id)).user, { email: null, email_verified: false })
      t.is((await emailsOf(body.id)).identity?.email_verified, false)
    })
  }

  for (const email_verified of [false, 'true', 'false', undefined] as const) {
    test.serial(
      `${engine}: an address at Google with email_verified ${JSON.stringify(email_verified)} is not the user's`,
      async (t) => {
        const profile: GoogleProfile = { sub: `unverified ${email_verified}`, email: 'someone@mail.test' }
        if (email_verified !== undefined) profile.email_verified = email_verified
        const { status, body } = await signIn(stage, 'google', profile)
        t.is(status, 200)
        t.deepEqual((await emailsOf(body.id)).user, { email: null, email_verified: false })
        t.is((await emailsOf(body.id)).identity?.email_verified, false)
      },
    )
  }

  test.serial(
    `${engine}: a verified address of another user is link_required and never leads into their account`,
    async (t) => {
      const owner = await signIn(stage, 'github', githubber('owner', proven('owner@mail.test')))
      t.is(owner.status, 200)
      for (const email of ['owner@mail.test', 'OWNER@Mail.Test']) {
        refused(t, await signIn(stage, 'google', googler({ email })), 409, 'link_required')
        refused(t, await signIn(stage, 'github', githubber(undefined, proven(email))), 409, 'link_required')
        const answer = await signIn(stage, 'google', googler({ email }), { redirect_to: home })
        t.is(sentHome(t, answer).get('error'), 'link_required')
      }
      const identities = await stage.app.sql('SELECT provider FROM identity WHERE user_id = $1', [
        owner.body.id,
      ])
      t.deepEqual(identities, [{ provider: 'github' }])
    },
  )

  test.serial(`${engine}: two providers that prove one address at the same time make one user`, async (t) => {
    for (let round = 0; round < 5; round++) {
      const email = `race-${round}@mail.test`
      const answers = await Promise.all([
        signIn(stage, 'github', githubber(undefined, proven(email))),
        signIn(stage, 'google', googler({ email })),
      ])
      const losers = answers.filter(({ status }) => status !== 200)
      t.is(losers.length, 1)
      for (const loser of losers) refused(t, loser, 409, 'link_required')
    }
  })

  test.serial(`${engine}: an address is compared as text, not as a pattern`, async (t) => {
    t.is((await signIn(stage, 'google', googler({ email: 'jane.doe@mail.test' }))).status, 200)
    t.is((await signIn(stage, 'google', googler({ email: 'jane_doe@mail.test' }))).status, 200)
    t.is((await signIn(stage, 'google', googler({ email: 'jane%@mail.test' }))).status, 200)
    t.is((await signIn(stage, 'google', googler({ email: 'jane\\doe@mail.test' }))).status, 200)
    const again = await signIn(stage, 'github', githubber(undefined, proven('jane\\doe@mail.test')))
    refused(t, again, 409, 'link_required')
  })

  test.serial(
    `${engine}: an unverified address of a sign-up neither prevents nor allows the sign-in of another user`,
    async (t) => {
      const password = 'correct horse'
      const claimed = await stage.app.post<{ id: string }>('/signup', {
        username: 'squatter',
        password,
        confirmPassword: password,
        email: 'claimed@mail.test',
      })
      t.is(claimed.status, 200)
      const proof = await signIn(stage, 'google', googler({ email: 'claimed@mail.test' }))
      t.is(proof.status, 200)
      t.not(proof.body.id, claimed.body.id)
      t.deepEqual((await emailsOf(claimed.body.id)).user, {
        email: 'claimed@mail.test',
        email_verified: false,
      })
    },
  )

  test.serial(
    `${engine}: an unverified address of another user is no reason to refuse or to join`,
    async (t) => {
      const owner = await signIn(stage, 'google', googler({ email: 'mine@mail.test' }))
      const other = await signIn(stage, 'google', googler({ email: 'mine@mail.test', email_verified: false }))
      t.is(other.status, 200)
      t.not(other.body.id, owner.body.id)
    },
  )

  test.serial(
    `${engine}: an address that the provider changes later does not change whose account it is`,
    async (t) => {
      const owner = await signIn(stage, 'google', googler({ email: 'stays@mail.test' }))
      const other = googler({ email: 'moves@mail.test' })
      const before = await signIn(stage, 'google', other)
      const after = await signIn(stage, 'google', { ...other, email: 'stays@mail.test' })
      t.is(after.body.id, before.body.id)
      t.not(after.body.id, owner.body.id)
      t.deepEqual((await emailsOf(after.body.id)).user, { email: 'moves@mail.test', email_verified: true })
    },
  )
}

test.serial('addresses are asked for below AUTH_GITHUB_PROFILE_URL, unless another URL is set', async (t) => {
  const stage = await startStage({ env: { AUTH_GITHUB_EMAILS_URL: '' } })
  t.teardown(stage.stop)
  const profile = githubber('enterprise', proven('enterprise@mail.test'))
  const { body } = await signIn(stage, 'github', profile)
  const answer = await stage.app.as(body).get('/user')
  t.is(answer.body.email, 'enterprise@mail.test')
  const [asked] = stage.fake.requests.filter(({ endpoint }) => endpoint === 'emails')
  t.is(asked?.query.get('per_page'), '100')
})
