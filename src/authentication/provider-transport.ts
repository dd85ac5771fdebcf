import pLimit, { type LimitFunction } from 'p-limit'
import type { Strategy } from 'passport'
import * as z from 'zod'
import { GatewayError } from '../errors.ts'
import { readText } from '../http/read-response.ts'

export type TransportSettings = {
  /** The time limit of a request in seconds, from the wait in the queue to the last byte. */
  timeout: number
  fetch: typeof globalThis.fetch
  /** Measures each request. */
  instrument?: <T>(request: ProviderRequest, work: () => Promise<T>) => Promise<T>
}

/** The purpose of a request: an access token, the profile of the user, or the metadata or keys of an OpenID provider. */
export type ProviderRequest = 'token' | 'profile' | 'metadata' | 'keys'

type Callback = (error: unknown, data?: string, response?: { statusCode: number }) => void

/** The part of node-oauth that Passport's OAuth strategies use. It is documented as protected, and is stable. */
type OAuth2 = {
  useAuthorizationHeaderforGET(use: boolean): void
  _request(
    method: string,
    url: string,
    headers: Record<string, string> | null,
    body: string | Buffer | null,
    accessToken: string | null,
    callback: Callback,
  ): void
}

const maxBytes = 262_144
const maxInFlight = 32
const tokenAnswer = z.looseObject({ access_token: z.string().min(1) })
const tokenRefusal = z.looseObject({ error: z.string() })
const resource = z.union([z.looseObject({}), z.array(z.looseObject({}))])
// RFC 6749, section 5.2, and GitHub's own.
const tokenErrors = new Set([
  'invalid_request',
  'invalid_client',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'incorrect_client_credentials',
  'redirect_uri_mismatch',
  'unverified_user_email',
])
// The errors for an invalid or expired code.
const badCode = new Set(['invalid_grant', 'bad_verification_code', 'invalid_code'])

/**
 * Replaces the HTTP client of an OAuth strategy. Limits the time, the answer to 256 KB, and requests to 32 at once.
 * Follows no redirects, sends the access token in a header, and accepts only JSON of the expected shape. Every failure
 * reaches the strategy's callback as `provider_denied`, `provider_error`, `provider_timeout` or `provider_unavailable`. Throws when the
 * strategy has no such client, because its requests would have no limits.
 */
export function hardenTransport(strategy: Strategy, settings: TransportSettings): void {
  const { _oauth2: oauth2 } = strategy as Strategy & { _oauth2?: OAuth2 }
  if (!oauth2)
    throw new Error(
      'The strategy of a redirect provider has no member _oauth2. Use a strategy of passport-oauth2',
    )
  oauth2.useAuthorizationHeaderforGET(true)
  const send = createSend(settings)
  oauth2._request = (method, url, headers, body, accessToken, callback) => {
    const authorization = accessToken && { Authorization: `Bearer ${accessToken}` }
    const request = method === 'POST' ? 'token' : 'profile'
    send(request, { method, url, headers: { ...headers, ...authorization }, body })
      .then((data) => callback(null, data, { statusCode: 200 }))
      // Also when the strategy's callback throws: the request would otherwise stay unanswered.
      .catch((error: unknown) => callback(error instanceof GatewayError ? error : providerError(error)))
  }
}

/** A `fetch` for the functions of openid-client. */
export type ProviderFetch = (
  url: string,
  options: { method: string; headers: Record<string, string>; body?: unknown },
) => Promise<Response>

/**
 * Creates the `fetch` of each kind of request, with the limits, checks and errors of `hardenTransport`. Every answer has
 * status 200 and a JSON object.
 */
export function createProviderFetch(
  settings: TransportSettings,
): (request: ProviderRequest) => ProviderFetch {
  const send = createSend(settings)
  return (request) =>
    async (url, { method, headers, body }) => {
      const { accept: _, 'user-agent': __, ...others } = headers
      const data = await send(request, { method, url, headers: others, body })
      // The bundle replaces the name Response alone, which Koa only compares.
      return new globalThis.Response(data, { headers: { 'Content-Type': 'application/json' } })
    }
}

type Sent = { method: string; url: string; headers: Record<string, string>; body: unknown }

/** Creates the function that sends requests, and measures them. All its requests share one queue. */
function createSend({ instrument = (_request, work) => work(), ...settings }: TransportSettings) {
  const limit = pLimit(maxInFlight)
  return (request: ProviderRequest, sent: Sent): Promise<string> =>
    instrument(request, () => send(settings, limit, sent))
}

async function send(
  { timeout, fetch }: Pick<TransportSettings, 'timeout' | 'fetch'>,
  limit: LimitFunction,
  { method, url, headers, body }: Sent,
): Promise<string> {
  try {
    const signal = AbortSignal.timeout(timeout * 1000)
    const { status, data } = await limit(async () => {
      const response = await fetch(url, {
        method,
        headers: { ...headers, Accept: 'application/json', 'User-Agent': 'claimgate' },
        body: method === 'POST' ? String(body ?? '') : null,
        redirect: 'manual',
        signal,
      }).catch(refuseUnreached)
      return { status: response.status, data: await readText(response, maxBytes) }
    })
    return method === 'POST' ? checkToken(status, data) : checkResource(status, data)
  } catch (error) {
    if (error instanceof GatewayError) throw error
    const tooSlow = error instanceof Error && error.name === 'TimeoutError'
    throw tooSlow ? new GatewayError('provider_timeout', { cause: error }) : providerError(error)
  }
}

/** Throws `provider_unavailable`, except for an answer that came too late or is not HTTP. */
function refuseUnreached(error: unknown): never {
  const { code } = ((error as Error).cause ?? {}) as { code?: unknown }
  const isAnswer = /^(?:HPE_|UND_ERR_HEADERS)/.test(String(code))
  if (isAnswer || (error as Error).name === 'TimeoutError') throw error
  throw new GatewayError('provider_unavailable', { cause: error })
}

function checkToken(status: number, data: string): string {
  const answer = parse(data)
  const refusal = tokenRefusal.safeParse(answer)
  if (refusal.success && badCode.has(refusal.data.error)) {
    throw new GatewayError('provider_denied', { detail: 'The provider did not accept the code' })
  }
  if (status !== 200) throw new Error(`token endpoint: ${status}, ${knownError(refusal.data?.error)}`)
  tokenAnswer.parse(answer)
  return data
}

/** Returns the provider's error for the log. An unknown error is left out, because it may repeat the request. */
function knownError(error: string | undefined): string {
  return error !== undefined && tokenErrors.has(error) ? error : 'without a known error'
}

function checkResource(status: number, data: string): string {
  if (status !== 200) throw new Error(`resource: ${status}`)
  resource.parse(parse(data))
  return data
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    // Causes are logged, and the message of a SyntaxError may quote a token.
    throw new Error('The answer is not JSON')
  }
}

function providerError(cause: unknown): GatewayError {
  return new GatewayError('provider_error', { cause })
}
