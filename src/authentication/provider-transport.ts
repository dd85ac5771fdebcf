import pLimit, { type LimitFunction } from 'p-limit'
import type { Strategy } from 'passport'
import { z } from 'zod'
import { GatewayError } from '../errors.ts'
import { readText } from '../http/read-response.ts'

export type TransportSettings = {
  /** Seconds for one request, with the waiting for its turn, to the last byte received. */
  timeout: number
  fetch: typeof globalThis.fetch
  /** Measures each request: for an access token, or for the profile of the user. */
  instrument?: <T>(request: 'token' | 'profile', work: () => Promise<T>) => Promise<T>
}

type Callback = (error: unknown, data?: string, response?: { statusCode: number }) => void

/** The part of node-oauth that Passport's OAuth strategies speak through; they call it protected, and it is stable. */
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
// What they call a code that is not good (any more).
const badCode = new Set(['invalid_grant', 'bad_verification_code'])

/**
 * Replaces how an OAuth strategy talks to its provider: a time limit, at most 256 KB read and 32 requests at once, no
 * redirects followed, the access token in a header, and nothing but JSON of the expected shape let through. Every failure reaches the
 * strategy's callback as `provider_denied`, `provider_error` or `provider_timeout`; nothing is thrown past it.
 * Throws when the strategy has no such transport: unprotected it must not start.
 */
export function hardenTransport(strategy: Strategy, settings: TransportSettings): void {
  const { _oauth2: oauth2 } = strategy as Strategy & { _oauth2?: OAuth2 }
  if (!oauth2)
    throw new Error('A redirect strategy must speak through _oauth2; another transport is not hardened')
  oauth2.useAuthorizationHeaderforGET(true)
  const limit = pLimit(maxInFlight)
  const { instrument = (_request, work) => work() } = settings
  oauth2._request = (method, url, headers, body, accessToken, callback) => {
    const authorization = accessToken && { Authorization: `Bearer ${accessToken}` }
    instrument(method === 'POST' ? 'token' : 'profile', () =>
      request(settings, limit, method, url, { ...headers, ...authorization }, body),
    )
      .then((data) => callback(null, data, { statusCode: 200 }))
      // Also when the strategy's own callback throws, which would otherwise leave the request unanswered.
      .catch((error: unknown) => callback(error instanceof GatewayError ? error : providerError(error)))
  }
}

async function request(
  { timeout, fetch }: TransportSettings,
  limit: LimitFunction,
  method: string,
  url: string,
  headers: Record<string, string>,
  body: string | Buffer | null,
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
      })
      return { status: response.status, data: await readText(response, maxBytes) }
    })
    return method === 'POST' ? checkToken(status, data) : checkResource(status, data)
  } catch (error) {
    if (error instanceof GatewayError) throw error
    const tooSlow = error instanceof Error && error.name === 'TimeoutError'
    throw tooSlow ? new GatewayError('provider_timeout', { cause: error }) : providerError(error)
  }
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

/** What a provider says goes into the log, so only words that are known do: others may repeat the request. */
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
    // The message of a SyntaxError quotes the answer, which may be a token, and causes are logged.
    throw new Error('not JSON')
  }
}

function providerError(cause: unknown): GatewayError {
  return new GatewayError('provider_error', { cause })
}
