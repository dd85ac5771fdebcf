import test from '../_test.ts'
import { openCookieBrowser, plain, signUp, tokenOf } from '../pages/_cookie-browser.ts'
import { exchange, githubber, home, refused, type Stage, signInForCode, startStage } from './_sign-in.ts'

const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const challenge = {
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  code_challenge_method: 'S256',
}
const withoutChallenge = `?${new URLSearchParams({ redirect_to: home })}`
const withChallenge = `?${new URLSearchParams({ redirect_to: home, ...challenge })}`

let stage: Stage
test.serial.before('start', async () => {
  stage = await startStage({ env: { AUTH_REQUIRE_PKCE: 'true' } })
})
test.after.always('stop', () => stage?.stop())

const openPages = () => openCookieBrowser({ app: stage.app, url: 'https://gateway.test' })

test('a provider sign-in for an app without a challenge is refused before it starts', async (t) => {
  for (const provider of ['github', 'google']) {
    const answer = await stage.app.get(`/auth/${provider}${withoutChallenge}`)
    refused(t, answer, 422, 'validation_failed')
    const [error] = answer.body.errors as { field: string; detail: string }[]
    t.is(error?.field, 'code_challenge')
    t.regex(error?.detail ?? '', /AUTH_REQUIRE_PKCE/)
    t.deepEqual(answer.headers.getSetCookie(), [])
  }
})

test('a provider sign-in with a challenge, and a sign-in without an app, go on', async (t) => {
  const code = await signInForCode(t, stage, 'github', githubber(), challenge)
  t.is((await exchange(stage.app, code, verifier)).status, 200)
  t.is((await stage.app.get('/auth/github')).status, 302)
})

test('no page of a sign-in for an app without a challenge leads to a code', async (t) => {
  for (const path of ['/signin', '/signup', '/signin/github'])
    t.is((await openPages().get(path + withoutChallenge)).status, 422, path)
  const browser = openPages()
  await signUp(browser, 'challenged')
  const csrf = tokenOf(await browser.get('/account'))
  const fields = { csrf, username: 'challenged', password: 'correct horse' }
  for (const path of ['/signin/continue', '/signin', '/signup/form']) {
    const { status, text } = await browser.send(path + withoutChallenge, fields)
    t.is(status, 422, path)
    t.notRegex(text, /code=/)
  }
  const answer = await browser.send(`/signin/continue${withChallenge}`, { csrf })
  t.regex(plain(answer.text), /Taking you to app.test/)
})

test('a sign-out goes back to the app without a challenge, because it gives no code', async (t) => {
  const { status, text } = await openPages().get(`/signed-out${withoutChallenge}`)
  t.is(status, 200)
  t.regex(text, /https:\/\/app.test\/welcome/)
})
