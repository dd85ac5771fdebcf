import { createHash, createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { gzipSync } from 'node:zlib'
import { type EndpointsName, endpointsNames, isEndpointsName, specOf } from './_fake-endpoints.ts'
import { remember, rememberMessage } from './_secrets.ts'

export type ProviderName = 'github' | 'google' | EndpointsName
export type ProviderEndpoint = 'token' | 'profile' | 'emails'

/** Every way an endpoint can misbehave; `slow:<ms>` and `status:<code>` also take other numbers. */
export const faults = [
  'refuse',
  'hang',
  'slow:300',
  'status:500',
  'status:404',
  'status:302',
  'html',
  'null',
  'array',
  'truncated',
  'huge',
  'gzip-bomb',
  'no-id',
  'wrong-types',
  'error',
  'error-200',
  'garbage',
] as const

export type Fault = (typeof faults)[number] | `slow:${number}` | `status:${number}`

/** A GitHub user: the answers of `/user` and `/user/emails`. */
export interface GithubProfile {
  user: { id: number; login: string; name?: string | null; email?: string | null }
  emails: { email: string; primary: boolean; verified: boolean }[]
}

/** A Google user: the answer of the OpenID Connect userinfo endpoint. */
export interface GoogleProfile {
  sub: string
  name?: string
  email?: string
  /** A boolean at Google today; text is for tests of the gateway. */
  email_verified?: boolean | string
}

/** A user of a provider with endpoints: their answers, in the shape of its documentation. */
export interface EndpointsProfile {
  profile: object
  emails?: object
}

export interface Profiles extends Record<EndpointsName, EndpointsProfile> {
  github: GithubProfile
  google: GoogleProfile
}

type Profile = Profiles[ProviderName]

/** One registered client of a provider and the provider's endpoints. */
export interface ProviderClient {
  readonly clientId: string
  readonly clientSecret: string
  readonly authorizationUrl: string
  readonly tokenUrl: string
  readonly profileUrl: string
  /** The gateway's `AUTH_<PROVIDER>_…` variables for the client and the endpoints. */
  readonly environment: Record<string, string>
}

export interface RecordedRequest {
  readonly provider: ProviderName | null
  /** `redirected` is the target of `status:302`, and `unknown` any other path: careful clients request neither. */
  readonly endpoint: ProviderEndpoint | 'authorize' | 'redirected' | 'unknown'
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** The reason why the provider rejected the request; `null` when it accepted it. */
  readonly refusal: string | null
}

export interface FakeProvider extends Readonly<Record<EndpointsName, ProviderClient>> {
  readonly url: string
  readonly github: ProviderClient & { readonly emailsUrl: string }
  readonly google: ProviderClient
  /** All HTTP requests, the oldest first. */
  readonly requests: RecordedRequest[]
  /** The user of the next sign-in over HTTP, or by `authorize` without a profile. */
  signInAs<P extends ProviderName>(provider: P, profile: Profiles[P]): void
  /**
   * Acts as the user's browser at the provider: takes the URL the gateway redirected to, returns the callback
   * URL. `overrides` replace members of the callback's query, or remove them when `null`; an `error` override
   * is a refusal and brings no code. Throws when the authorization request is not acceptable.
   */
  authorize(location: string | URL, profile?: Profile, overrides?: Record<string, string | null>): string
  /** Shows the consent page before the redirect back, as at a first sign-in; only over HTTP. */
  askForConsent(isAsked: boolean): void
  /** Makes an endpoint misbehave until it is called again with `null`. */
  fault(provider: ProviderName, endpoint: ProviderEndpoint, fault: Fault | null): void
  stop(): Promise<void>
}

interface Grant {
  provider: ProviderName
  profile: Profile
  redirectUri: string
  codeChallenge: string
  scope: string[]
}

interface Exchange extends Omit<RecordedRequest, 'provider' | 'refusal'> {
  provider: ProviderName
}

/** An answer of a provider. */
export interface Answer {
  status: number
  headers: Record<string, string>
  body: string
}

interface State {
  url: string
  clients: Pick<FakeProvider, ProviderName>
  /** The user of the next sign-in. */
  next: Map<ProviderName, Profile>
  consent: { isAsked: boolean }
  codes: Map<string, Grant>
  tokens: Map<string, Grant>
  faults: Map<string, Fault>
}

const ROUTES: Record<string, Pick<Exchange, 'provider' | 'endpoint'>> = {
  '/login/oauth/authorize': { provider: 'github', endpoint: 'authorize' },
  '/login/oauth/access_token': { provider: 'github', endpoint: 'token' },
  '/user': { provider: 'github', endpoint: 'profile' },
  '/user/emails': { provider: 'github', endpoint: 'emails' },
  '/github/redirected': { provider: 'github', endpoint: 'redirected' },
  '/o/oauth2/v2/auth': { provider: 'google', endpoint: 'authorize' },
  '/token': { provider: 'google', endpoint: 'token' },
  '/v1/userinfo': { provider: 'google', endpoint: 'profile' },
  '/google/redirected': { provider: 'google', endpoint: 'redirected' },
  ...Object.fromEntries(
    endpointsNames.flatMap((provider) =>
      (['authorize', 'token', 'profile', 'emails', 'redirected'] as const)
        .filter((endpoint) => endpoint !== 'emails' || specOf(provider).hasEmails)
        .map((endpoint) => [`/${provider}/${endpoint}`, { provider, endpoint }] as const),
    ),
  ),
}

const ANSWERS: Record<Exchange['endpoint'], (state: State, exchange: Exchange) => Answer> = {
  authorize: answerAuthorize,
  token: answerToken,
  profile: answerProfile,
  emails: answerEmails,
  redirected: () => json(200, {}),
  unknown: () => text(404, 'Not Found'),
}

/** GitHub's error names of the token endpoint, and Google's status for them. */
const TOKEN_ERRORS = {
  invalid_request: { github: 'invalid_request', status: 400 },
  invalid_client: { github: 'incorrect_client_credentials', status: 401 },
  invalid_grant: { github: 'bad_verification_code', status: 400 },
  redirect_uri_mismatch: { github: 'redirect_uri_mismatch', status: 400 },
  unsupported_grant_type: { github: 'unsupported_grant_type', status: 400 },
} as const

type TokenError = keyof typeof TOKEN_ERRORS

class Refusal extends Error {
  readonly answer: Answer
  constructor(message: string, answer: Answer) {
    super(message)
    this.answer = answer
  }
}

/**
 * Starts GitHub and Google on one port of 127.0.0.1, with the paths of the real ones, and the providers with endpoints. Requests are checked as
 * strictly as the real ones check them, or more: the code works once and only with its redirect URI, its PKCE
 * verifier and the client's secret in the body, and a bearer token counts only in the header.
 */
export async function startFakeProvider(): Promise<FakeProvider> {
  const requests: RecordedRequest[] = []
  const server = createServer((request, response) => {
    serve(state, requests, request, response).catch(() => response.destroy())
  })
  // A connection that ends while the gateway sends a request on it would be a fault that no test asked for.
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const state = createState(url)
  return {
    url,
    ...state.clients,
    requests,
    signInAs(provider, profile) {
      state.next.set(provider, profile)
    },
    authorize(location, profile, overrides) {
      const { origin, pathname, searchParams } = new URL(location)
      const route = origin === url ? ROUTES[pathname] : undefined
      if (route?.endpoint !== 'authorize')
        throw new Error(`authorize: ${origin}${pathname} is an unknown endpoint`)
      return grantCode(state, route.provider, searchParams, profile, overrides)
    },
    askForConsent(isAsked) {
      state.consent.isAsked = isAsked
    },
    fault(provider, endpoint, fault) {
      const has = (route: Pick<Exchange, 'provider' | 'endpoint'>) =>
        route.provider === provider && route.endpoint === endpoint
      if (!Object.values(ROUTES).some(has)) throw new Error(`${provider} has no ${endpoint} endpoint`)
      if (fault) state.faults.set(`${provider} ${endpoint}`, fault)
      else state.faults.delete(`${provider} ${endpoint}`)
    },
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function createState(url: string): State {
  const github = { ...createClient('github', url), emailsUrl: `${url}/user/emails` }
  github.environment.AUTH_GITHUB_EMAILS_URL = github.emailsUrl
  const others = Object.fromEntries(
    endpointsNames.map((provider) => {
      const client = createClient(provider, url)
      if (specOf(provider).hasEmails)
        client.environment[`AUTH_${provider.toUpperCase()}_EMAILS_URL`] = `${url}/${provider}/emails`
      return [provider, client]
    }),
  ) as Record<EndpointsName, ProviderClient>
  const clients = { ...others, github, google: createClient('google', url) }
  return {
    url,
    clients,
    next: new Map(),
    consent: { isAsked: false },
    codes: new Map(),
    tokens: new Map(),
    faults: new Map(),
  }
}

function createClient(provider: ProviderName, url: string): ProviderClient {
  const urlOf = (endpoint: Exchange['endpoint']) => {
    const found = Object.entries(ROUTES).find(
      ([, route]) => route.provider === provider && route.endpoint === endpoint,
    )
    return `${url}${found?.[0]}`
  }
  const client = {
    clientId: `${provider}-client`,
    clientSecret: `${provider}-secret-&=+%/`,
    authorizationUrl: urlOf('authorize'),
    tokenUrl: urlOf('token'),
    profileUrl: urlOf('profile'),
  }
  const prefix = `AUTH_${provider.toUpperCase()}`
  const environment = {
    [`${prefix}_CLIENT_ID`]: client.clientId,
    [`${prefix}_CLIENT_SECRET`]: client.clientSecret,
    [`${prefix}_AUTHORIZATION_URL`]: client.authorizationUrl,
    [`${prefix}_TOKEN_URL`]: client.tokenUrl,
    [`${prefix}_PROFILE_URL`]: client.profileUrl,
  }
  return { ...client, environment }
}

async function serve(
  state: State,
  requests: RecordedRequest[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = '', headers } = request
  const { pathname: path, searchParams: query } = new URL(request.url ?? '/', state.url)
  const route = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined
  const received = { method, path, query, headers, body: await readBody(request) }
  remember(headers.authorization?.replace(/^Bearer /, ''))
  rememberMessage(request.url ?? '/', new Headers(), received.body)
  if (!route) {
    requests.push({ provider: null, endpoint: 'unknown', ...received, refusal: 'unknown path' })
    return send(response, text(404, 'Not Found'))
  }
  const exchange = { ...route, ...received }
  const { answer, refusal } = respond(state, exchange)
  rememberMessage('', new Headers(), answer.body)
  requests.push({ ...exchange, refusal })
  const fault = state.faults.get(`${route.provider} ${route.endpoint}`)
  await (fault ? sendFault(fault, response, answer, exchange) : send(response, answer))
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

function respond(state: State, exchange: Exchange): { answer: Answer; refusal: string | null } {
  try {
    return { answer: ANSWERS[exchange.endpoint](state, exchange), refusal: null }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { answer: error.answer, refusal: error.message }
  }
}

function demand(ok: boolean, message: string, answer: Answer): asserts ok {
  if (!ok) throw new Refusal(message, answer)
}

function answerAuthorize(state: State, exchange: Exchange): Answer {
  const { provider, query, method, body } = exchange
  if (state.consent.isAsked && method === 'GET') return askForConsent(state, exchange)
  const isAnswer = state.consent.isAsked && method === 'POST'
  demand(method === 'GET' || isAnswer, 'authorize: not a GET', text(405, 'Method Not Allowed'))
  const isDenied = isAnswer && new URLSearchParams(body).get('answer') !== 'allow'
  const overrides: Record<string, string> = isDenied ? { error: 'access_denied' } : {}
  const location = grantCode(state, provider, query, undefined, overrides)
  return { status: 302, headers: { location }, body: '' }
}

/** Returns the consent page: the answer of the user goes to the same address. */
function askForConsent({ clients, next }: State, { provider, query }: Exchange): Answer {
  checkAuthorization(clients[provider], provider, query, next.get(provider))
  const body = `<!doctype html><html lang="en"><title>${provider}</title><h1>Let the gateway know who you are?</h1>
<form method="post"><button name="answer" value="allow">Allow</button> <button name="answer" value="deny">Deny</button></form></html>`
  return { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body }
}

function grantCode(
  state: State,
  provider: ProviderName,
  query: URLSearchParams,
  profile = state.next.get(provider),
  overrides: Record<string, string | null> = {},
): string {
  const grant = checkAuthorization(state.clients[provider], provider, query, profile)
  const code = randomBytes(10).toString('hex')
  remember(code, query.get('state'), query.get('code_challenge'))
  state.codes.set(code, grant)
  return callbackUrl(grant, { code, state: query.get('state') }, overrides)
}

function checkAuthorization(
  { clientId }: ProviderClient,
  provider: ProviderName,
  query: URLSearchParams,
  profile: Profile | undefined,
): Grant {
  const redirectUri = query.get('redirect_uri') ?? ''
  const codeChallenge = query.get('code_challenge') ?? ''
  const scope = (query.get('scope') ?? '').split(/[ ,]+/).filter(Boolean)
  const check = (ok: boolean, detail: string) => demand(ok, `authorize: ${detail}`, text(400, detail))
  check(new Set(query.keys()).size === query.size, 'a parameter comes twice')
  check(query.get('client_id') === clientId, 'client_id')
  check(query.get('response_type') === 'code', 'response_type')
  check(isCallbackUrl(redirectUri, provider), 'redirect_uri')
  check(scope.length > 0, 'scope')
  check((query.get('state') ?? '').length >= 16, 'state')
  check(query.get('code_challenge_method') === 'S256', 'code_challenge_method')
  check(/^[\w-]{43}$/.test(codeChallenge), 'code_challenge')
  const isKnown = profile && kindOf(profile) === (isEndpointsName(provider) ? 'endpoints' : provider)
  if (!isKnown) throw new Refusal(`authorize: no user of ${provider} is set`, text(400, 'no user is set'))
  return { provider, profile, redirectUri, codeChallenge, scope }
}

function kindOf(profile: Profile): 'github' | 'google' | 'endpoints' {
  return 'sub' in profile ? 'google' : 'user' in profile ? 'github' : 'endpoints'
}

function isCallbackUrl(redirectUri: string, provider: ProviderName): boolean {
  if (!URL.canParse(redirectUri)) return false
  const { protocol, pathname, search, hash } = new URL(redirectUri)
  return /^https?:$/.test(protocol) && pathname.endsWith(`/auth/${provider}/callback`) && !search && !hash
}

/** Adds members to the callback that the gateway did not request, as Google does. */
function callbackUrl(
  grant: Grant,
  issued: { code: string; state: string | null },
  overrides: Record<string, string | null>,
): string {
  const isRefused = 'error' in overrides
  const extras = { scope: grant.scope.join(' '), authuser: '0', prompt: 'consent' }
  const granted = { code: issued.code, ...(grant.provider === 'google' && extras) }
  const members = { ...(!isRefused && granted), state: issued.state, ...overrides }
  const callback = new URL(grant.redirectUri)
  for (const [name, value] of Object.entries(members)) {
    if (value !== null) callback.searchParams.set(name, value)
  }
  return callback.href
}

function answerToken(state: State, exchange: Exchange): Answer {
  const grant = redeemCode(state, exchange)
  const isGithub = grant.provider === 'github'
  const prefix = isEndpointsName(grant.provider) ? specOf(grant.provider).token : isGithub ? 'gho_' : 'ya29.'
  const token = `${prefix}${randomBytes(18).toString('base64url')}`
  state.tokens.set(token, grant)
  const content = { access_token: token, token_type: isGithub ? 'bearer' : 'Bearer' }
  if (isGithub) return encodeToken(exchange, 200, { ...content, scope: grant.scope.join(',') })
  return json(200, { ...content, expires_in: 3599, scope: grant.scope.join(' ') })
}

function redeemCode({ clients, codes }: State, exchange: Exchange): Grant {
  const { clientId, clientSecret } = clients[exchange.provider]
  const form = new URLSearchParams(exchange.body)
  const code = form.get('code') ?? ''
  const grant = codes.get(code)
  const check = (ok: boolean, error: TokenError, detail: string) =>
    demand(ok, `token: ${detail}`, tokenError(exchange, error, detail))
  check(exchange.method === 'POST', 'invalid_request', 'not a POST')
  check(isForm(exchange.headers), 'invalid_request', 'the body is not a form')
  check(new Set(form.keys()).size === form.size, 'invalid_request', 'a parameter comes twice')
  check(form.get('grant_type') === 'authorization_code', 'unsupported_grant_type', 'grant_type')
  check(form.get('client_id') === clientId, 'invalid_client', 'client_id')
  const isBasic = isEndpointsName(exchange.provider) && specOf(exchange.provider).isBasic
  const credentials = [clientId, clientSecret].map((text) => String(new URLSearchParams({ text })).slice(5))
  const header = `Basic ${Buffer.from(credentials.join(':')).toString('base64')}`
  check(exchange.headers.authorization === (isBasic ? header : undefined), 'invalid_client', 'authorization')
  check(form.get('client_secret') === (isBasic ? null : clientSecret), 'invalid_client', 'client_secret')
  check(grant?.provider === exchange.provider, 'invalid_grant', 'the code is unknown or used')
  check(form.get('redirect_uri') === grant?.redirectUri, 'redirect_uri_mismatch', 'redirect_uri')
  check(challengeOf(form.get('code_verifier')) === grant?.codeChallenge, 'invalid_grant', 'code_verifier')
  codes.delete(code)
  return grant as Grant
}

function isForm(headers: IncomingHttpHeaders): boolean {
  return (headers['content-type'] ?? '').split(';')[0] === 'application/x-www-form-urlencoded'
}

function challengeOf(verifier: string | null): string {
  return createHash('sha256')
    .update(verifier ?? '')
    .digest('base64url')
}

/** Answers 200 also for errors, as GitHub does; the body has the error. */
function tokenError(exchange: Exchange, error: TokenError, detail: string): Answer {
  const { github, status } = TOKEN_ERRORS[error]
  if (exchange.provider !== 'github') return json(status, { error, error_description: detail })
  return encodeToken(exchange, 200, { error: github, error_description: detail })
}

/** GitHub's token endpoint answers a form unless the request accepts JSON. */
function encodeToken({ headers }: Exchange, status: number, content: Record<string, string>): Answer {
  if (/\bjson\b/.test(headers.accept ?? '')) return json(status, content)
  const type = 'application/x-www-form-urlencoded; charset=utf-8'
  return { status, headers: { 'content-type': type }, body: String(new URLSearchParams(content)) }
}

function answerProfile(state: State, exchange: Exchange): Answer {
  const { profile, scope } = checkBearer(state, exchange)
  if ('profile' in profile) return answerEndpointsProfile(state, exchange, { profile, scope })
  if (!('sub' in profile)) return json(200, { name: null, email: null, ...profile.user })
  const { sub, name, email, email_verified } = profile
  const named = scope.includes('profile') && { name }
  const reachable = scope.includes('email') && { email, email_verified }
  return json(200, { sub, ...named, ...reachable })
}

function answerEndpointsProfile(
  { clients }: State,
  { provider, query, headers }: Exchange,
  { profile, scope }: { profile: EndpointsProfile; scope: string[] },
): Answer {
  const needed = isEndpointsName(provider) ? specOf(provider).scope : []
  const refused = json(403, { error: 'insufficient_scope' })
  demand(
    needed.every((each) => scope.includes(each)),
    'profile: the scope is too small',
    refused,
  )
  if (provider === 'facebook') {
    const token = String(headers.authorization).slice('Bearer '.length)
    const proof = createHmac('sha256', clients.facebook.clientSecret).update(token).digest('hex')
    demand(query.get('appsecret_proof') === proof, 'profile: appsecret_proof', refused)
    demand(query.get('fields') === 'id,email', 'profile: fields', refused)
  }
  return json(200, profile.profile)
}

function answerEmails(state: State, exchange: Exchange): Answer {
  const { profile, scope } = checkBearer(state, exchange)
  if ('profile' in profile) {
    demand(scope.includes('email'), 'emails: the scope lacks email', json(403, { type: 'error' }))
    return json(200, profile.emails ?? { values: [] })
  }
  const isAllowed = scope.includes('user:email') || scope.includes('user')
  demand(isAllowed, 'emails: the scope lacks user:email', json(404, { message: 'Not Found' }))
  const perPage = Math.min(Number(exchange.query.get('per_page') ?? 30), 100)
  return json(200, 'emails' in profile ? profile.emails.slice(0, perPage) : [])
}

function checkBearer({ tokens }: State, { endpoint, provider, headers, method }: Exchange): Grant {
  const isAnonymous = provider === 'github' && !headers['user-agent']
  demand(method === 'GET', `${endpoint}: not a GET`, json(405, { message: 'Method Not Allowed' }))
  demand(!isAnonymous, `${endpoint}: no User-Agent`, json(403, { message: 'User-Agent is required' }))
  const token = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
  const grant = tokens.get(token)
  if (grant?.provider !== provider) {
    throw new Refusal(`${endpoint}: no valid bearer token`, json(401, { message: 'Bad credentials' }))
  }
  return grant
}

function text(status: number, body: string): Answer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body }
}

function json(status: number, content: unknown): Answer {
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  return { status, headers, body: JSON.stringify(content) }
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}

/** The endpoint whose answer a fault replaces. */
type Asked = { provider: string; endpoint: Exchange['endpoint'] | 'metadata' | 'keys' }

type SendFault = (response: ServerResponse, answer: Answer, asked: Asked) => void | Promise<void>

const HTML = '<!doctype html><title>Unicorn!</title><p>We had issues producing the response to your request.'
const OAUTH_ERROR = { error: 'bad_verification_code', error_description: 'The code is incorrect or expired.' }
const MEBIBYTE = 1024 * 1024
const HUGE = 64

const WITHOUT_ID: Partial<Record<Asked['endpoint'], unknown>> = {
  metadata: { issuer: null },
  keys: { keys: [] },
  token: { token_type: 'bearer' },
  profile: { login: 'nobody', name: 'No Body', email: 'nobody@example.com' },
  emails: [{ primary: true, verified: true }],
}

const WRONG_TYPES: Partial<Record<Asked['endpoint'], unknown>> = {
  metadata: { issuer: 1, token_endpoint: [], jwks_uri: {} },
  keys: { keys: { kty: 1 } },
  token: { access_token: 12345, token_type: 7, scope: 8 },
  profile: { id: { value: 1 }, sub: 12345, login: 7, name: 8, email: 9, email_verified: 'true' },
  emails: [{ email: 3, primary: 'true', verified: 'true' }],
}

const SEND_FAULT: Record<Exclude<(typeof faults)[number], `${string}:${number}`>, SendFault> = {
  refuse: (response) => void response.socket?.destroy(),
  hang: () => {},
  html: (response) => send(response, { ...text(200, HTML), headers: { 'content-type': 'text/html' } }),
  null: (response) => send(response, json(200, null)),
  array: (response) => send(response, json(200, [1, null, []])),
  truncated: sendTruncated,
  huge: sendHuge,
  'gzip-bomb': sendGzipBomb,
  'no-id': (response, _, { endpoint }) => send(response, json(200, WITHOUT_ID[endpoint])),
  'wrong-types': (response, _, { endpoint }) => send(response, json(200, WRONG_TYPES[endpoint])),
  error: (response) => send(response, json(400, { ...OAUTH_ERROR, error: 'invalid_grant' })),
  'error-200': (response) => send(response, json(200, OAUTH_ERROR)),
  garbage: (response) =>
    send(response, { ...json(200, {}), body: '{"id": 1, "sub": "1", "access_token": "x"' }),
}

/** Sends a fault in the place of an answer. */
export async function sendFault(
  fault: Fault,
  ...[response, answer, exchange]: Parameters<SendFault>
): Promise<void> {
  const [kind = '', number] = fault.split(':')
  if (kind === 'slow') setTimeout(() => response.destroyed || send(response, answer), Number(number))
  else if (kind === 'status') sendStatus(response, Number(number), exchange)
  else await SEND_FAULT[fault as keyof typeof SEND_FAULT](response, answer, exchange)
}

function sendStatus(response: ServerResponse, status: number, { provider }: Asked): void {
  const isRedirect = status >= 300 && status < 400
  const { headers, body } = json(status, { message: `status ${status}` })
  send(response, { status, headers: isRedirect ? { location: `/${provider}/redirected` } : headers, body })
}

/** Sends the whole answer with a `Content-Length` that is too large. */
function sendTruncated(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) + 512 })
  response.write(body, () => response.socket?.end())
}

/** Sends 64 MiB of white space before the right answer, which is valid JSON as a whole. */
async function sendHuge(response: ServerResponse, { status, headers, body }: Answer): Promise<void> {
  const space = Buffer.alloc(MEBIBYTE, ' ')
  response.writeHead(status, headers)
  await pipeline(Readable.from([...Array<Buffer>(HUGE).fill(space), Buffer.from(body)]), response)
}

/** Sends the same in about 64 KiB: gzip members may follow one another. */
function sendGzipBomb(response: ServerResponse, { status, headers, body }: Answer): void {
  const space = gzipSync(Buffer.alloc(MEBIBYTE, ' '))
  const bomb = Buffer.concat([...Array<Buffer>(HUGE).fill(space), gzipSync(body)])
  response
    .writeHead(status, { ...headers, 'content-encoding': 'gzip', 'content-length': bomb.length })
    .end(bomb)
}
