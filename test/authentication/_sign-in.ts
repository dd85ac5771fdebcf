import { randomUUID } from 'node:crypto'
import { type Answer, type AppOptions, quick, type SessionBody, startApp, type TestApp } from '../_app.ts'
import { type Cookies, cookieHeader, keepCookies } from '../_cookies.ts'
import { type EndpointsName, endpointsNames } from '../_fake-endpoints.ts'
import {
  type FakeProvider,
  type GithubProfile,
  type GoogleProfile,
  type Profiles,
  type ProviderName,
  type RecordedRequest,
  startFakeProvider,
} from '../_fake-provider.ts'
import type { ExecutionContext } from '../_test.ts'

export { refused } from '../_problem.ts'

/** The redirect target of the client in these tests. */
export const home = 'https://app.test/welcome?lang=de'

export type Stage = { app: TestApp; fake: FakeProvider; stop(): Promise<void> }

/** Starts a gateway with GitHub and Google configured, and all fake providers. */
export async function startStage({ env = {}, ...options }: AppOptions = {}): Promise<Stage> {
  return startStageOf(providerNames, { env, ...options })
}

/** Starts a gateway with these providers configured, and all fake providers. */
export async function startStageOf(
  names: readonly ProviderName[],
  { env = {}, ...options }: AppOptions = {},
): Promise<Stage> {
  const fake = await startFakeProvider()
  const app = await startApp({
    engine: quick,
    ...options,
    env: { ...environmentOf(fake, names), ...env },
  }).catch(async (error) => {
    await fake.stop()
    throw error
  })
  return {
    app,
    fake,
    stop: async () => {
      await app.close()
      await fake.stop()
    },
  }
}

/** Returns the variables that configure the fake providers and the redirect origins. */
export function environmentOf(
  fake: FakeProvider,
  names: readonly ProviderName[] = providerNames,
): Record<string, string> {
  return {
    ...Object.assign({}, ...names.map((name) => fake[name].environment)),
    AUTH_REDIRECT_ORIGINS: 'https://app.test myapp://',
    AUTH_PROVIDER_TIMEOUT: '30',
  }
}

export type Query = Record<string, string>

/** A browser with cookies, which does not follow redirects by itself. */
export type Browser = {
  cookies: Cookies
  /** Requests a path or URL of the gateway. The origin of the URL is ignored. */
  visit(target: string): Promise<Answer<SessionBody>>
  /** Starts a sign-in and returns the address of the provider's page. */
  start(provider: ProviderName, query?: Query): Promise<string>
}

export function openBrowser(app: TestApp): Browser {
  const cookies: Cookies = new Map()
  const visit = async (target: string) => {
    const { pathname, search } = new URL(target, app.url)
    const answer = await app.get<SessionBody>(pathname + search, cookieHeader(cookies))
    keepCookies(cookies, answer.headers)
    return answer
  }
  return {
    cookies,
    visit,
    start: async (provider, query = {}) => {
      const answer = await visit(`/auth/${provider}?${new URLSearchParams(query)}`)
      if (answer.status !== 302) throw new Error(`start at ${provider}: ${answer.text}`)
      return answer.headers.get('location') ?? ''
    },
  }
}

/** Signs in through a provider in a new browser, and returns the answer to the callback. */
export async function signIn<P extends ProviderName>(
  { app, fake }: Pick<Stage, 'app' | 'fake'>,
  provider: P,
  profile: Profiles[P],
  query: Query = {},
): Promise<Answer<SessionBody>> {
  const browser = openBrowser(app)
  return browser.visit(fake.authorize(await browser.start(provider, query), profile))
}

/** Returns the query of the redirect to the app in a callback's answer. */
export function sentHome(t: ExecutionContext, { status, headers, text }: Answer<unknown>): URLSearchParams {
  t.is(status, 302, text)
  const { origin, pathname, searchParams } = new URL(headers.get('location') ?? '')
  t.is(origin + pathname, 'https://app.test/welcome')
  t.is(searchParams.get('lang'), 'de')
  return searchParams
}

/** Signs in with `redirect_to` and returns the one-time code. */
export async function signInForCode<P extends ProviderName>(
  t: ExecutionContext,
  stage: Stage,
  provider: P,
  profile: Profiles[P],
  query: Query = {},
): Promise<string> {
  const code = sentHome(t, await signIn(stage, provider, profile, { redirect_to: home, ...query })).get(
    'code',
  )
  return code ?? t.fail('no code')
}

export function exchange(app: TestApp, code: string, codeVerifier?: string): Promise<Answer<SessionBody>> {
  return app.post('/token/exchange', { code, ...(codeVerifier !== undefined && { codeVerifier }) })
}

/** Returns the requests to the token endpoints. */
export function tokenRequests({ requests }: FakeProvider): RecordedRequest[] {
  return requests.filter(({ endpoint }) => endpoint === 'token')
}

let people = 0

/** Returns a new GitHub user. */
export function githubber(
  login = `octocat-${++people}`,
  emails: GithubProfile['emails'] = [],
): GithubProfile {
  const unproven = { email: `${++people}@unproven.test`, primary: false, verified: false }
  return { user: { id: 1_000_000 + ++people, login }, emails: emails.length > 0 ? emails : [unproven] }
}

/** Returns a new Google user. */
export function googler(more: Partial<GoogleProfile> = {}): GoogleProfile {
  const name = `googler-${++people}`
  return { sub: `1000${++people}`, name, email: `${name}@mail.test`, email_verified: true, ...more }
}

/** Returns a verified and primary address at GitHub. */
export function proven(email: string): GithubProfile['emails'] {
  return [{ email, primary: true, verified: true }]
}

const someone = () => `user-${++people}`
const digits = () => String(80_351_110_224_678_912n + BigInt(++people))

/** Creates a new user of each provider, with the answers in the shape of its documentation. */
export const anybody: { [P in ProviderName]: () => Profiles[P] } = {
  github: githubber,
  google: googler,
  bitbucket: () => {
    const name = someone()
    const uuid = `{${randomUUID()}}`
    const email = { type: 'email', email: `${name}@example.com`, is_primary: true, is_confirmed: true }
    const links = { avatar: { href: 'https://avatar.example.com/a.png' } }
    return {
      profile: { type: 'user', uuid, username: name, display_name: 'A User', account_id: '5b10ac8d', links },
      emails: { pagelen: 100, page: 1, size: 1, values: [email] },
    }
  },
  discord: () => {
    const name = someone()
    const email = `${name}@example.com`
    const more = {
      discriminator: '0',
      global_name: 'A User',
      avatar: null,
      locale: 'en-US',
      mfa_enabled: true,
    }
    return { profile: { id: digits(), username: name, email, verified: true, flags: 64, ...more } }
  },
  facebook: () => ({ profile: { id: digits(), email: `${someone()}@example.com` } }),
  spotify: () => {
    const id = `spotify-${++people}`
    const more = {
      display_name: 'A User',
      type: 'user',
      uri: `spotify:user:${id}`,
      images: [],
      product: 'free',
    }
    return { profile: { id, email: `${id}@example.com`, country: 'SE', ...more } }
  },
  x: () => ({ profile: { data: { id: digits(), name: 'A User', username: someone().replace('-', '_') } } }),
}

export const providerNames = ['github', 'google'] as const

/** The providers that `providers/` describes by their endpoints. */
export const otherNames: readonly EndpointsName[] = endpointsNames
