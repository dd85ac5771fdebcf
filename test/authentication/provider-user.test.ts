import { enginesOfRun } from '../_app.ts'
import type { GithubProfile, GoogleProfile } from '../_fake-provider.ts'
import test from '../_test.ts'
import {
  anybody,
  githubber,
  googler,
  home,
  openBrowser,
  providerNames,
  refused,
  type Stage,
  sentHome,
  signIn,
  startStage,
} from './_sign-in.ts'

for (const engine of enginesOfRun) {
  let stage: Stage
  test.serial.before(`${engine}: start`, async () => {
    stage = await startStage({ engine })
  })
  test.after.always(`${engine}: stop`, () => stage?.stop())

  test.serial(`${engine}: a new user is called what GitHub calls them`, async (t) => {
    const { body } = await signIn(stage, 'github', githubber('Mona-Lisa'))
    t.is(body.username, 'Mona-Lisa')
  })

  test.serial(`${engine}: a taken username gets a suffix, and the user who has it keeps it`, async (t) => {
    const first = await stage.app.signup('hubot')
    const { body } = await signIn(stage, 'github', githubber('HUBOT'))
    t.regex(body.username, /^HUBOT-[0-9a-f]{6}$/)
    t.not(body.id, first.id)
    t.is((await stage.app.login('hubot')).body.id, first.id)
  })

  test.serial(`${engine}: five people of one name who come at the same time are five users`, async (t) => {
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => signIn(stage, 'github', githubber('everybody'))),
    )
    t.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
    t.is(new Set(answers.map(({ body }) => body.id)).size, 5)
    const names = answers.map(({ body }) => body.username).sort()
    t.is(names[0], 'everybody')
    for (const name of names.slice(1)) t.regex(name, /^everybody-[0-9a-f]{6}$/)
  })

  test.serial(`${engine}: the same subject at two providers is two users`, async (t) => {
    const profile = githubber()
    const atGithub = await signIn(stage, 'github', profile)
    const atGoogle = await signIn(stage, 'google', googler({ sub: String(profile.user.id) }))
    t.is(atGoogle.status, 200)
    t.not(atGoogle.body.id, atGithub.body.id)
  })

  for (const subject of ['undefined', 'null', ' ']) {
    test.serial(`${engine}: a profile with the subject "${subject}" signs no user in`, async (t) => {
      refused(t, await signIn(stage, 'google', googler({ sub: subject })), 502, 'provider_error')
      t.deepEqual(await stage.app.sql('SELECT subject FROM identity WHERE subject = $1', [subject]), [])
    })
  }

  for (const provider of providerNames) {
    test.serial(`${engine}: a deactivated user cannot sign in with ${provider}`, async (t) => {
      const profile = anybody[provider]()
      const { body } = await signIn(stage, provider, profile)
      await stage.app.sql('UPDATE "user" SET active = false WHERE id = $1', [body.id])
      refused(t, await signIn(stage, provider, profile), 403, 'user_inactive')
      const answer = await signIn(stage, provider, profile, { redirect_to: home })
      t.is(sentHome(t, answer).get('error'), 'user_inactive')
      await stage.app.sql('UPDATE "user" SET active = true WHERE id = $1', [body.id])
      t.is((await signIn(stage, provider, profile)).body.id, body.id)
    })
  }
}

function subjectOf(profile: GithubProfile | GoogleProfile): string {
  return 'sub' in profile ? profile.sub : String(profile.user.id)
}

let closed: Stage
test.serial.before('start without sign-up', async () => {
  closed = await startStage({ env: { AUTH_SIGNUP: 'false' } })
})
test.after.always('stop without sign-up', () => closed?.stop())

for (const provider of providerNames) {
  test.serial(
    `AUTH_SIGNUP=false refuses whom ${provider} sends for the first time and makes no user`,
    async (t) => {
      const profile = anybody[provider]()
      refused(t, await signIn(closed, provider, profile), 403, 'signup_disabled')
      const answer = await signIn(closed, provider, profile, { redirect_to: home })
      t.is(sentHome(t, answer).get('error'), 'signup_disabled')
      const made = await closed.app.sql('SELECT * FROM identity WHERE subject = $1', [subjectOf(profile)])
      t.deepEqual(made, [])
      t.deepEqual(await closed.app.sql(`SELECT id FROM "user" WHERE username NOT LIKE 'known-%'`), [])
    },
  )

  test.serial(`AUTH_SIGNUP=false lets in whom ${provider} has sent before`, async (t) => {
    const profile = anybody[provider]()
    const [user] = await closed.app.sql<{ id: string }>(
      `INSERT INTO "user" (username) VALUES ($1) RETURNING id`,
      [`known-at-${provider}`],
    )
    await closed.app.sql('INSERT INTO identity (provider, subject, user_id) VALUES ($1, $2, $3)', [
      provider,
      subjectOf(profile),
      user?.id,
    ])
    const answer = await signIn(closed, provider, profile)
    t.is(answer.status, 200)
    t.is(user?.id, answer.body.id)
  })
}

let names: Stage
test.serial.before('start for names', async () => {
  names = await startStage()
})
test.after.always('stop for names', () => names?.stop())

for (const [login, email, expected] of [
  ['', 'local.part@mail.test', /^local\.part$/],
  ['   ', 'spaces@mail.test', /^spaces$/],
  ['tab\there', 'tab@mail.test', /^tab$/],
  ['nul\0', 'nul@mail.test', /^nul$/],
  ['half \ud83d', 'half@mail.test', /^half$/],
  ['right\u202eleft', 'bidi@mail.test', /^bidi$/],
  ['  trimmed  ', 'trimmed@mail.test', /^trimmed$/],
  ['x'.repeat(300), 'long@mail.test', /^x{200}$/],
  ['ﷺ'.repeat(30), 'nfkc@mail.test', /^nfkc$/],
  ['', '\u202e@mail.test', /^github-\d+-[0-9a-f]{6}$/],
] as const) {
  test.serial(
    `whom GitHub calls ${JSON.stringify(login.slice(0, 16))} and ${email} gets a usable name`,
    async (t) => {
      const profile = githubber(login, [{ email, primary: true, verified: true }])
      const { status, body } = await signIn(names, 'github', profile)
      t.is(status, 200)
      t.regex(body.username, expected)
    },
  )
}

test.serial('whom Google says nothing about but the subject gets a usable name', async (t) => {
  const browser = openBrowser(names.app)
  const callback = names.fake.authorize(await browser.start('google'), { sub: 'only-a-subject' })
  const { status, body } = await browser.visit(callback)
  t.is(status, 200)
  t.regex(body.username, /^google-only-a-subject-[0-9a-f]{6}$/)
})
