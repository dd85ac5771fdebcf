import type { Document } from '../../src/reference/openapi.ts'
import type { SessionBody } from '../_app.ts'
import { findOperation, requireDocumented } from '../_documented.ts'
import { clientId, clientSecret, type OpenIdPeer, startOpenIdPeer } from '../_openid-provider.ts'
import test from '../_test.ts'
import { events } from '../authentication/_logout.ts'
import { acmeUser, openIdCallback, startAtAcme } from '../authentication/_openid.ts'
import { githubber, googler, home, openBrowser, type Stage, startStage } from '../authentication/_sign-in.ts'

const secret = 'an action secret that is only good for tests'

let stage: Stage
let peer: OpenIdPeer
test.before('start', async () => {
  peer = await startOpenIdPeer({ redirectUris: [openIdCallback] })
  stage = await startStage({
    env: {
      AUTH_METRICS: 'true',
      AUTH_ACTION_SECRET: secret,
      AUTH_ACME_CORP_ISSUER: peer.issuer,
      AUTH_ACME_CORP_CLIENT_ID: clientId,
      AUTH_ACME_CORP_CLIENT_SECRET: clientSecret,
    },
  })
})
test.after.always('stop', async () => {
  await stage?.stop()
  await peer?.stop()
})

test('every operation of the document is done once, and answers as the document says', async (t) => {
  const { app, fake } = stage
  const { body: document } = await app.get<Document>('/openapi.json')
  const done = new Set<string | undefined>()

  /** Requires a success. `app.call` compares every answer with the document. */
  async function succeed<Body = Record<string, unknown>>(
    method: string,
    path: string,
    { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Body> {
    const answer = await app.call<Body>(method, path, { ...(body !== undefined && { body }), headers })
    t.true(answer.status < 400, `${method} ${path} ${answer.text}`)
    t.notThrows(() => requireDocumented(document, method, path, answer as never))
    done.add(findOperation(document, method, path)?.operationId)
    return answer.body
  }
  const password = 'correct horse'
  const ofUser = ({ token }: SessionBody) => ({ headers: { Authorization: `Bearer ${token}` } })

  const body = { username: 'ada', password, confirmPassword: password, email: 'ada@example.com' }
  const ada = await succeed<SessionBody>('POST', '/signup', { body })
  const other = await succeed<SessionBody>('POST', '/login', { body: { username: 'ada', password } })
  await succeed('POST', '/token', { body: { refreshToken: other.refreshToken } })
  await succeed('POST', '/logout', { body: { refreshToken: other.refreshToken, everywhere: false } })

  for (const [provider, profile] of [
    ['github', githubber()],
    ['google', googler()],
  ] as const) {
    const browser = openBrowser(app)
    const back = fake.authorize(await browser.start(provider, { redirect_to: home }), profile)
    done.add(findOperation(document, 'GET', `/auth/${provider}`)?.operationId)
    const { headers } = await browser.visit(back)
    done.add(findOperation(document, 'GET', `/auth/${provider}/callback`)?.operationId)
    const code = new URL(headers.get('location') ?? '').searchParams.get('code')
    await succeed('POST', '/token/exchange', { body: { code } })
    const { url } = await succeed<{ url: string }>('POST', `/user/identities/${provider}`, {
      body: { redirectTo: home },
      ...ofUser(ada),
    })
    t.true(url.startsWith('http'))
  }

  const user = acmeUser()
  peer.signInAs(user)
  const browser = openBrowser(app)
  const location = await startAtAcme(browser)
  done.add(findOperation(document, 'GET', '/auth/acme-corp')?.operationId)
  const { body: acme } = await browser.visit(await peer.authorize(location))
  done.add(findOperation(document, 'GET', '/auth/acme-corp/callback')?.operationId)
  await succeed('POST', '/user/identities/acme-corp', { body: {}, ...ofUser(ada) })
  await succeed('POST', '/logout', { body: { refreshToken: acme.refreshToken, provider: true } })
  const iat = Math.floor(Date.now() / 1000)
  const claims = { iss: peer.issuer, aud: clientId, iat, exp: iat + 60, jti: 'every-answer' }
  const idToken = await peer.sign({ ...claims, ...user })
  await succeed('POST', '/token/id-token', { body: { provider: 'acme-corp', idToken } })
  const logoutToken = await peer.sign({ ...claims, events, sub: user.sub })
  const path = '/auth/acme-corp/backchannel-logout'
  const ended = await app.call('POST', path, {
    raw: String(new URLSearchParams({ logout_token: logoutToken })),
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  })
  t.is(ended.status, 200)
  done.add(findOperation(document, 'POST', path)?.operationId)

  await succeed('POST', '/user/step-up', { body: { method: 'password', password }, ...ofUser(ada) })

  const lucy = openBrowser(app)
  const { body: signedIn } = await lucy.visit(fake.authorize(await lucy.start('github'), githubber()))
  await succeed('POST', '/user/password', { body: { newPassword: 'another horse' }, ...ofUser(signedIn) })
  await succeed('DELETE', '/user/identities/github', ofUser(signedIn))
  const [session] = await succeed<{ id: string }[]>('GET', '/user/sessions', ofUser(signedIn))
  await succeed('DELETE', `/user/sessions/${session?.id}`, ofUser(signedIn))

  await succeed('GET', '/user', ofUser(ada))
  await succeed('GET', '/webhook', ofUser(ada))
  await succeed('POST', '/webhook', { body: { headers: ofUser(ada).headers } })
  const wellKnown = ['/.well-known/jwks.json', '/.well-known/openid-configuration']
  for (const path of ['/', '/providers', '/jwks', ...wellKnown, '/healthz', '/readyz'])
    await succeed('GET', path)
  await succeed('GET', '/metrics')
  await succeed('GET', '/openapi.json')

  const headers = { 'X-Action-Secret': secret }
  const call = { action: { name: 'providers' }, input: {}, session_variables: {} }
  await succeed('POST', '/hasura/actions', { body: call, headers })
  await succeed('POST', '/graphql', { body: { query: '{ providers { name } nonsense }' }, headers })
  await succeed('POST', '/graphql', { body: { query: '{ providers { name } me { id } }' }, headers })

  const all = Object.values(document.paths).flatMap((path) => Object.values(path))
  t.deepEqual([...done].sort(), all.map(({ operationId }) => operationId).sort())
})
