import { exportJWK, type generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import { remember } from '../_secrets.ts'

type Json = Record<string, unknown>

/** The answers of an OpenID provider, in the shape of its documentation. */
export type Recorded = {
  issuer: string
  metadata: Json
  /** The claims of the ID token, without those of the request. */
  claims: Json
  /** More members of the answer of the token endpoint. */
  answer?: Json
  /** More members of the keys. */
  key?: Json
  /** False when the ID token has no nonce. */
  echoesNonce?: boolean
}

/** A request to the token endpoint. */
export type TokenRequest = { form: URLSearchParams; authorization: string | null }

/** A network with one OpenID provider. */
export type Network = {
  fetch: typeof globalThis.fetch
  tokenRequests: TokenRequest[]
  /** Answers as this provider, for the authorization request that the gateway sent. */
  grant(recorded: Recorded, request: URLSearchParams): void
}

/** Creates a network in which the issuer of `grant` answers as the provider does. Requests to other URLs throw. */
export async function createNetwork(keys: Awaited<ReturnType<typeof generateKeyPair>>): Promise<Network> {
  const jwk: JWK = { ...(await exportJWK(keys.publicKey)), kid: 'key-1', alg: 'RS256', use: 'sig' }
  const tokenRequests: TokenRequest[] = []
  let now: { recorded: Recorded; request: URLSearchParams } | undefined

  async function answerToken(init: RequestInit): Promise<unknown> {
    if (!now) throw new Error('no sign-in is under way')
    const { claims, answer = {}, echoesNonce = true } = now.recorded
    const { request } = now
    tokenRequests.push({
      form: new URLSearchParams(String(init.body)),
      authorization: new Headers(init.headers).get('authorization'),
    })
    const seconds = Math.floor(Date.now() / 1000)
    const nonce = echoesNonce ? request.get('nonce') : null
    const payload: JWTPayload = {
      aud: request.get('client_id') ?? '',
      iat: seconds,
      exp: seconds + 600,
      ...(nonce !== null && { nonce }),
      ...claims,
    }
    const idToken = await new SignJWT(payload)
      .setProtectedHeader({ alg: 'RS256', kid: 'key-1' })
      .sign(keys.privateKey)
    remember(idToken)
    return { access_token: 'the access token', token_type: 'Bearer', id_token: idToken, ...answer }
  }

  const send: typeof globalThis.fetch = async (input, init = {}) => {
    const url = String(input)
    if (!now) throw new Error(`no provider answers ${url}`)
    const { issuer, metadata, key = {} } = now.recorded
    if (url === `${issuer}/.well-known/openid-configuration`) return Response.json(metadata)
    if (url === metadata.jwks_uri) return Response.json({ keys: [{ ...jwk, ...key }] })
    if (url === metadata.token_endpoint) return Response.json(await answerToken(init))
    throw new Error(`no provider answers ${url}`)
  }

  return {
    fetch: send,
    tokenRequests,
    grant(recorded, request) {
      now = { recorded, request }
    },
  }
}
