import * as client from 'openid-client'
import * as z from 'zod'
import { hasRoles, pickRoles } from '../claims/provider-roles.ts'
import type { ProviderSettings } from '../config/providers.ts'
import type { Clock, Flow, IdTokenClaims, SignInHints } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { signClientSecret } from '../tokens/client-secret.ts'
import { clockTolerance, type IdTokenRules, verifyIdToken } from '../tokens/id-token.ts'
import { type LogoutClaims, verifyLogoutToken } from '../tokens/logout-token.ts'
import { createProviderKeys, type FindKey } from '../tokens/provider-keys.ts'
import { createKeyIssuers, issuerOfToken } from '../tokens/tenant-issuer.ts'
import { createReadMetadata, type OpenIdMetadata } from './openid-metadata.ts'
import { metadataIssuerOf, type OpenIdProvider } from './provider.ts'
import { createProviderFetch, type ProviderFetch, type TransportSettings } from './provider-transport.ts'

/** The settings of the client of an OpenID provider. */
export type RelyingPartyOptions = {
  /** With the issuer and scope of the environment. */
  provider: OpenIdProvider
  settings: ProviderSettings
  /** Absolute, from AUTH_PUBLIC_URL. */
  callbackUrl: string
  transport: TransportSettings
  clock: Clock
}

/** The secrets of an authorization request, which the state cookie keeps. */
type Secrets = { state: string; nonce: string; codeVerifier: string }

// In seconds.
const oldestIdToken = 600

/** The gateway as a client of one OpenID provider. Its methods throw the codes `provider_…` and `invalid_state`. */
export type RelyingParty = ReturnType<typeof createRelyingParty>

/** Creates the client of an OpenID provider, on the functions of openid-client. Nothing is requested before it is needed. */
export function createRelyingParty(options: RelyingPartyOptions) {
  const { provider, settings, callbackUrl, clock } = options
  const { issuer, tenants, without = [] } = provider
  const { clientId, clientSecret, signing } = settings
  const clientIds = [clientId, ...(settings.clientIds ?? [])]
  const fetchFor = createProviderFetch(options.transport)
  const readMetadata = createReadMetadata({
    issuer,
    metadataIssuer: metadataIssuerOf(provider),
    fetch: fetchFor('metadata'),
    clock,
  })
  const keyIssuers = createKeyIssuers()
  let keys: { url: string; find: FindKey } | undefined

  function findKeys({ jwks_uri: url }: OpenIdMetadata): FindKey {
    if (keys?.url !== url) keys = { url, find: createProviderKeys({ read: () => readKeys(url), clock }) }
    return keys.find
  }

  async function readKeys(url: string): Promise<unknown> {
    return keyIssuers.keep(await (await fetchFor('keys')(url, { method: 'GET', headers: {} })).json())
  }

  /** Returns the configuration of openid-client for one sign-in, with the gateway's clock. */
  function configure(metadata: OpenIdMetadata): client.Configuration {
    const methods = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
    // Providers differ in the encoding of Basic, so the body is preferred.
    const ofSecret = methods.includes('client_secret_post')
      ? client.ClientSecretPost
      : client.ClientSecretBasic
    const configuration = new client.Configuration(
      metadata as client.ServerMetadata,
      clientId,
      {
        [client.clockSkew]: Math.round((clock().getTime() - Date.now()) / 1000),
        [client.clockTolerance]: clockTolerance,
      },
      signing ? signedSecret(signing) : clientSecret === undefined ? client.None() : ofSecret(clientSecret),
    )
    if (issuer.startsWith('http:')) client.allowInsecureRequests(configuration)
    configuration[client.customFetch] = fetchFor('profile')
    return configuration
  }

  /** Authenticates the client with a secret that is signed for one request. */
  function signedSecret(signing: NonNullable<ProviderSettings['signing']>): client.ClientAuth {
    return async (_metadata, _client, body) => {
      body.set('client_id', clientId)
      body.set('client_secret', await signClientSecret({ signing, clientId, audience: issuer, clock }))
    }
  }

  /** Checks a token of the provider. At a provider with tenants, its key must belong to the tenant that it names. */
  async function check<Claims>(
    token: string,
    verifyToken: (findKey: FindKey, rules: { issuer: string; now: Date }) => Promise<Claims>,
  ): Promise<Claims> {
    const metadata = await readMetadata()
    const expected = issuerOfToken(metadata.issuer, token)
    const claims = await verifyToken(findKeys(metadata), { issuer: expected, now: clock() })
    if (tenants) keyIssuers.require(token, [expected, tenants.issuer])
    return claims
  }

  const verify = (idToken: string, rules: Omit<IdTokenRules, 'issuer' | 'now'>): Promise<IdTokenClaims> =>
    check(idToken, (findKey, known) => verifyIdToken(idToken, findKey, { ...rules, ...known }))

  /** Returns the claims with those of userinfo that the ID token lacks, if it lacks the address, groups or roles. */
  async function complete(claims: IdTokenClaims, metadata: OpenIdMetadata, accessToken: string) {
    const { scope = provider.scope, roles } = settings
    if (without.includes('userinfo') || metadata.userinfo_endpoint === undefined) return claims
    const lacksEmail = scope.includes('email') && claims.email === undefined
    const lacksRoles = roles !== undefined && !hasRoles(claims, roles)
    if (!lacksEmail && !lacksRoles) return claims
    const more = await client.fetchUserInfo(configure(metadata), accessToken, claims.sub)
    // Both members of an address are of one source.
    const { email_verified } = claims.email === undefined ? more : claims
    return { ...more, ...claims, ...(lacksRoles && pickRoles(more, roles)), sub: claims.sub, email_verified }
  }

  return {
    provider,
    readMetadata: () => explain(readMetadata()),

    /**
     * Checks an ID token that a native app has from the provider: of any of the client ids, and at most ten minutes old.
     * Throws another error than a `GatewayError` for an invalid token.
     */
    verifyIdToken: async (idToken: string, nonce: string | undefined): Promise<IdTokenClaims> => {
      await explain(readMetadata())
      return verify(idToken, { clientIds, nonce, longestAge: oldestIdToken })
    },

    /** Checks a logout token. Throws another error than a `GatewayError` for an invalid token. */
    verifyLogoutToken: async (logoutToken: string): Promise<LogoutClaims> => {
      await explain(readMetadata())
      return check(logoutToken, (findKey, known) =>
        verifyLogoutToken(logoutToken, findKey, { clientIds, ...known }),
      )
    },

    /**
     * Returns the address at which the user signs out at the provider, and from which the provider may return to
     * `returnTo`. Null for a provider without such a page, and for a page without TLS of an issuer with TLS.
     */
    endSessionUrl: async (returnTo: string | null): Promise<URL | null> => {
      const { end_session_endpoint: endpoint } = await explain(readMetadata())
      if (endpoint === undefined || (issuer.startsWith('https:') && !endpoint.startsWith('https:')))
        return null
      const url = new URL(endpoint)
      url.searchParams.set('client_id', clientId)
      if (returnTo !== null) url.searchParams.set('post_logout_redirect_uri', returnTo)
      return url
    },

    /**
     * Returns the address of the provider's page for a sign-in. For a step-up it asks the provider to authenticate the
     * user now, and for `auth_time` in the ID token (OpenID Connect Core, section 3.1.2.1).
     */
    authorizationUrl: (secrets: Secrets, hints: SignInHints & { isStepUp?: boolean }): Promise<URL> =>
      explain(
        (async () => {
          const { loginHint, prompt, isStepUp } = hints
          return client.buildAuthorizationUrl(configure(await readMetadata()), {
            ...provider.parameters,
            ...settings.parameters,
            ...(loginHint !== undefined && { login_hint: loginHint }),
            ...(prompt !== undefined && { prompt }),
            // Not prompt=login: a provider that does not know it, such as Google, rejects the request.
            ...(isStepUp && { max_age: '0' }),
            ...(provider.responseMode && { response_mode: provider.responseMode }),
            scope: (settings.scope ?? provider.scope).join(' '),
            redirect_uri: callbackUrl,
            state: secrets.state,
            ...(!without.includes('nonce') && { nonce: secrets.nonce }),
            ...(!without.includes('pkce') && {
              code_challenge: await client.calculatePKCECodeChallenge(secrets.codeVerifier),
              code_challenge_method: 'S256',
            }),
          })
        })(),
      ),

    /**
     * Redeems the code of a callback. Returns the claims of the checked ID token, with those of userinfo that it lacks.
     * Throws `invalid_state` for a callback without the `iss` that the metadata promises (RFC 9207).
     */
    redeem: (
      { code, iss }: { code: string; iss: string | undefined },
      flow: Pick<Flow, 'state' | 'nonce' | 'codeVerifier'>,
    ): Promise<IdTokenClaims> =>
      explain(
        (async () => {
          const metadata = await readMetadata()
          if (metadata.authorization_response_iss_parameter_supported && iss !== issuer)
            throw new GatewayError('invalid_state', { detail: 'The answer does not name its provider' })
          const { codeVerifier, state } = flow
          const callback = new URL(callbackUrl)
          callback.search = `${new URLSearchParams({ code, state, ...(iss !== undefined && { iss }) })}`
          const configuration = configure(metadata)
          // The ID token is left to `verify`: openid-client knows one issuer, and would compare it with that.
          const taken = takeIdToken(fetchFor('token'))
          configuration[client.customFetch] = taken.fetch
          const { access_token: accessToken } = await client.authorizationCodeGrant(configuration, callback, {
            ...(without.includes('pkce') ? {} : { pkceCodeVerifier: codeVerifier }),
            expectedState: state,
          })
          const nonce = without.includes('nonce') ? undefined : (flow.nonce ?? '')
          const claims = await verify(taken.idToken(), { clientIds: [clientId], nonce, accessToken })
          return complete(claims, metadata, accessToken)
        })(),
      ),
  }
}

const tokenAnswer = z.looseObject({
  id_token: z.string(),
  scope: z.union([z.string(), z.array(z.string()).transform((scopes) => scopes.join(' '))]).optional(),
})

/** Takes the ID token out of the answer to a token request. Joins a list of scopes, which RFC 6749 does not allow. */
function takeIdToken(send: ProviderFetch) {
  let taken = ''
  const fetch: ProviderFetch = async (url, options) => {
    const { id_token: idToken, ...answer } = tokenAnswer.parse(await (await send(url, options)).json())
    taken = idToken
    return globalThis.Response.json(answer)
  }
  return { fetch, idToken: () => taken }
}

/** Turns the errors of openid-client and jose into `provider_error`, and keeps those of the gateway inside them. */
async function explain<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    for (let inner = error; inner instanceof Error; inner = inner.cause)
      if (inner instanceof GatewayError) throw inner
    // The causes inside have answers of the provider, with tokens.
    const { message, code = '' } = error as { message: string; code?: string }
    throw new GatewayError('provider_error', { cause: new Error(`${message} ${code}`.trim()) })
  }
}
