import GoogleStrategy from 'passport-google-oauth20'
import { createOAuthStrategy } from '../../src/authentication/oauth-strategy.ts'
import type { RedirectOptions, StateStore, StrategyProvider } from '../../src/authentication/provider.ts'
import { createLog } from '../../src/observability/log.ts'
import test from '../_test.ts'

const store: StateStore = {
  store: (_req, _verifier, _state, _meta, done) => done(null, 'state'),
  verify: (_req, _state, _meta, done) => done(null, 'verifier'),
}

/** Creates the strategy of the file `acme` as the start does. */
function create(strategy: (options: RedirectOptions, verify: unknown) => unknown, parameters = {}): unknown {
  return createOAuthStrategy({
    provider: {
      name: 'acme',
      flow: 'redirect',
      label: 'Acme',
      scope: ['me'],
      strategy: strategy as StrategyProvider['strategy'],
      identity: () => ({ subject: '1' }),
    },
    settings: { clientId: 'id', clientSecret: 'secret', parameters },
    callbackUrl: 'https://gateway.test/auth/acme/callback',
    store,
    transport: { timeout: 1, fetch: () => Promise.reject(new Error('no network here')) },
    log: createLog('silent'),
    verifyProfile: () => (_access, _refresh, _profile, done) =>
      done(null, { provider: 'acme', subject: '1' }),
  })
}

const google = (options: object, verify: unknown) =>
  new GoogleStrategy.Strategy(options as never, verify as never)

test('a strategy on passport-oauth2 that gets all options fits', (t) => {
  t.truthy(create(google))
})

/** The members of the strategy of passport-openidconnect 0.1.2, which has an HTTP client like passport-oauth2. */
class OpenIdConnectStrategy {
  name = 'openidconnect'
  _oauth2 = { useAuthorizationHeaderforGET() {}, _request() {} }
  _issuer = 'https://idp.test'
  _stateStore: unknown
  constructor({ store }: { store: unknown }) {
    this._stateStore = store
  }
  authenticate(): void {}
  authorizationParams(): object {
    return {}
  }
}

/** The members of the strategy of passport-oauth1. */
class OAuth1Strategy {
  _oauth = {}
  authenticate(): void {}
}

for (const [what, strategy, message] of [
  [
    'of passport-openidconnect',
    (options: RedirectOptions) => new OpenIdConnectStrategy(options),
    /speaks OpenID Connect itself\. Remove the file, and set AUTH_ACME_ISSUER/,
  ],
  ['of OAuth 1', () => new OAuth1Strategy(), /speaks OAuth 1\. Use a strategy on passport-oauth2/],
  [
    'on no known package',
    () => ({ authenticate() {} }),
    /is not on passport-oauth2\. Use a strategy on passport-oauth2/,
  ],
  ['without a method authenticate', () => null, /its strategy has no method authenticate/],
  [
    'without the state store',
    (o: object, v: unknown) => google({ ...o, store: { ...store } }, v),
    /did not get store\. Pass all of options/,
  ],
  ['without PKCE', (o: object, v: unknown) => google({ ...o, pkce: false }, v), /did not get pkce/],
  [
    'with a callback URL of its own',
    (o: object, v: unknown) => google({ ...o, callbackURL: '/x' }, v),
    /did not get callbackURL/,
  ],
] as const)
  test(`a strategy ${what} ends the start with its kind and the cure`, (t) => {
    const error = t.throws(() => create(strategy as never))
    t.regex(error?.message ?? '', /^providers\/acme cannot be used, because its strategy /)
    t.regex(error?.message ?? '', message)
  })

test('parameters of the environment are in the authorization request, and hints that the strategy reads', async (t) => {
  const strategy = create(google, { hd: 'example.com', prompt: 'consent' })
  const redirectOf = (options: object) =>
    new Promise<URLSearchParams>((resolve, reject) => {
      const actor = Object.create(strategy as object, {
        redirect: { value: (location: string) => resolve(new URL(location).searchParams) },
        error: { value: reject },
        fail: { value: reject },
      })
      actor.authenticate({ query: {}, headers: {} }, options)
    })
  const plain = await redirectOf({})
  t.is(plain.get('hd'), 'example.com')
  t.is(plain.get('prompt'), 'consent')
  t.is(plain.get('client_id'), 'id')
  const hinted = await redirectOf({ prompt: 'login', loginHint: 'ada@example.com' })
  t.is(hinted.get('prompt'), 'login')
  t.is(hinted.get('login_hint'), 'ada@example.com')
})

test('the error of a strategy names its file', (t) => {
  const withoutSecret = (options: object, verify: unknown) =>
    google({ ...options, clientID: undefined }, verify)
  t.throws(() => create(withoutSecret), { message: /^providers\/acme cannot be used: .*clientID/ })
})
