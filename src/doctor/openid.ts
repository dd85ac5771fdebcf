import * as z from 'zod'
import { type Check, failed, ok, skipped } from './check.ts'
import type { Page } from './gateway.ts'

/** An OpenID provider of the configuration. */
export type OpenIdState = {
  label: string
  /** The prefix of its variables. */
  prefix: string
  issuer: string
  /** The issuer that the metadata must have. */
  metadataIssuer: string
  clientId: string
  callbackUrl: string
  scope: readonly string[]
}

type ExamineOptions = {
  /** Reads an address without following redirects. Returns the reason as text when there is no answer. */
  read(url: string): Promise<Page | string>
  /** The clock of the gateway. */
  clock(): Date
}

const metadataSchema = z.looseObject({
  issuer: z.string(),
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
  jwks_uri: z.url(),
})

const keySet = z.looseObject({ keys: z.array(z.looseObject({})) })

// Seconds: the tolerance of ID tokens.
const largestSkew = 30

/** Checks an OpenID provider: metadata, issuer, clock, keys, and the callback URL as far as the provider tells. */
export async function examineOpenId(
  provider: OpenIdState,
  { read, clock }: ExamineOptions,
): Promise<Check[]> {
  const { label, prefix, issuer, metadataIssuer } = provider
  const named = (part: string) => `${label} ${part}`
  const later = (reason: string) =>
    ['keys', 'clock', 'callback URL'].map((part) => skipped(named(part), reason))
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const page = await read(url)
  const metadata = parse(page, metadataSchema)
  if (typeof page === 'string' || metadata === null) {
    const detail =
      typeof page === 'string'
        ? `${url} ${page}`
        : page.status === 200
          ? `${url} is not the metadata of an OpenID provider`
          : `${url} answers ${page.status}`
    const cure = `set ${prefix}_ISSUER to the issuer of the provider, and let the gateway reach it`
    return [failed(named('metadata'), detail, cure), ...later('the metadata was not read')]
  }
  if (metadata.issuer !== metadataIssuer)
    return [
      failed(
        named('metadata'),
        `${url} belongs to the issuer ${metadata.issuer}, not to ${issuer}`,
        `set ${prefix}_ISSUER=${metadata.issuer}, if that is your provider`,
      ),
      ...later('the metadata is of another issuer'),
    ]
  return [
    ok(named('metadata'), `${issuer} answers with its metadata`),
    checkProviderKeys(named('keys'), metadata.jwks_uri, await read(metadata.jwks_uri)),
    checkProviderClock(named('clock'), page.headers, clock()),
    checkCallback(
      named('callback URL'),
      provider,
      await read(authorizationUrl(metadata.authorization_endpoint, provider)),
    ),
  ]
}

function parse<T>(page: Page | string, schema: z.ZodType<T>): T | null {
  if (typeof page === 'string' || page.status !== 200) return null
  try {
    return schema.safeParse(JSON.parse(page.text)).data ?? null
  } catch {
    return null
  }
}

/** Checks for a key that can sign ID tokens, and warns of a key with two names. */
function checkProviderKeys(name: string, url: string, page: Page | string): Check {
  const keys = parse(page, keySet)?.keys
  if (keys === undefined) {
    const reason = typeof page === 'string' ? page : `answers ${page.status}, without a key set`
    return failed(name, `${url} ${reason}`, 'let the gateway reach this address of the provider')
  }
  const signing = keys.filter(
    ({ kty, crv = '', use = 'sig' }) =>
      use === 'sig' && /^(RSA|EC P-256|OKP Ed25519)$/.test(`${kty} ${crv}`.trim()),
  )
  if (signing.length === 0)
    return failed(
      name,
      `${url} has no key for RS256, PS256, ES256 or EdDSA`,
      'let the provider sign ID tokens by one of these algorithms',
    )
  const names = new Map<string, unknown[]>()
  for (const { kty, crv, n, e, x, y, kid } of signing) {
    const key = JSON.stringify([kty, crv, n, e, x, y])
    names.set(key, [...(names.get(key) ?? []), kid])
  }
  const twice = [...names.values()].find((kids) => kids.length > 1)
  if (twice)
    return {
      name,
      status: 'warning',
      detail: `${url} has one key under several names: ${twice.join(', ')}`,
      cure: 'let the provider publish each key once: some libraries keep only one of its names',
    }
  return ok(name, `${signing.length} for signatures: ${signing.map(({ kid }) => kid).join(', ')}`)
}

/** Compares the clock of the provider, by the header Date, with the gateway's. */
function checkProviderClock(name: string, headers: Headers, now: Date): Check {
  const sent = Date.parse(headers.get('date') ?? '')
  if (Number.isNaN(sent)) return skipped(name, 'the provider sends no date')
  const age = Number(headers.get('age') ?? 0) || 0
  const skew = Math.round((now.getTime() - sent) / 1000 - age)
  if (Math.abs(skew) <= largestSkew) return ok(name, `differs from the gateway's by ${Math.abs(skew)} s`)
  return failed(
    name,
    `the provider is ${Math.abs(skew)} s ${skew < 0 ? 'ahead of' : 'behind'} the gateway, so its ID tokens are rejected`,
    'synchronise the clocks of the provider and of the database (NTP)',
  )
}

/** Returns a sign-in that shows no page: the provider redirects with an error if it accepts client and callback URL. */
function authorizationUrl(endpoint: string, { clientId, callbackUrl, scope }: OpenIdState): string {
  const url = new URL(endpoint)
  const parameters = {
    client_id: clientId,
    redirect_uri: callbackUrl,
    response_type: 'code',
    scope: scope.join(' '),
    prompt: 'none',
    state: 'claimgate-doctor',
    nonce: 'claimgate-doctor',
    // The SHA-256 of a text that the doctor never sends.
    code_challenge: 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg',
    code_challenge_method: 'S256',
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}

/** Checks the answer of the provider to a sign-in without a page. */
function checkCallback(name: string, { prefix, callbackUrl }: OpenIdState, page: Page | string): Check {
  if (typeof page === 'string')
    return failed(name, `the authorization endpoint ${page}`, 'let browsers reach the provider')
  const { status, headers } = page
  if (status >= 400 && status < 500)
    return failed(
      name,
      `the provider answers ${status} to a sign-in, so it knows the client or its callback URL differently`,
      `register ${callbackUrl} at the provider, and check ${prefix}_CLIENT_ID`,
    )
  const location = headers.get('location') ?? ''
  if (!location.startsWith(callbackUrl))
    return ok(name, `the provider does not tell whether it accepts ${callbackUrl}`)
  const error = new URL(location).searchParams.get('error') ?? ''
  if (
    ['unauthorized_client', 'invalid_scope', 'unsupported_response_type', 'invalid_request'].includes(error)
  )
    return failed(
      name,
      `the provider accepts ${callbackUrl}, and rejects a sign-in as ${error}`,
      `check ${prefix}_SCOPE, and allow the authorization code flow for the client`,
    )
  return ok(name, `the provider accepts ${callbackUrl}`)
}
