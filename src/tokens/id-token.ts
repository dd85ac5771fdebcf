import { createHash } from 'node:crypto'
import { jwtVerify } from 'jose'
import * as z from 'zod'
import type { IdTokenClaims } from '../context.ts'
import type { FindKey } from './provider-keys.ts'

/** The values that the claims of an ID token must have. */
export type IdTokenRules = {
  issuer: string
  /** The client ids of the gateway and of its apps at the provider. `aud` and `azp` are each one of them. */
  clientIds: readonly string[]
  /** The nonce of the sign-in; undefined requires a token without a nonce. */
  nonce: string | undefined
  /** The access token that came with the ID token, for `at_hash`; undefined for an ID token alone. */
  accessToken?: string
  /** The greatest age of the token in seconds; undefined for any age. */
  longestAge?: number
  now: Date
}

/** The seconds by which the clocks of provider and gateway may differ. */
export const clockTolerance = 30

/** The algorithms by which providers may sign tokens. */
export const signatureAlgorithms = ['RS256', 'PS256', 'ES256', 'EdDSA']

const claimsSchema = z.looseObject({
  sub: z.string(),
  aud: z.union([z.string(), z.array(z.string()).min(1)]),
  azp: z.string().optional(),
  iat: z.number(),
  exp: z.number(),
  nonce: z.string().optional(),
  at_hash: z.string().optional(),
})

/**
 * Checks an ID token (OpenID Connect Core, section 3.1.3.7): signature, `iss`, `aud`, `azp`, `exp`, `iat`, `nonce`, and
 * `at_hash` if it has one. A token that came alone must not be for another use. Returns its claims. Throws for an invalid
 * token, and the errors of `findKey`.
 */
export async function verifyIdToken(
  idToken: string,
  findKey: FindKey,
  { issuer, clientIds, nonce, accessToken, longestAge, now }: IdTokenRules,
): Promise<IdTokenClaims> {
  const { payload, protectedHeader } = await jwtVerify(idToken, findKey, {
    algorithms: signatureAlgorithms,
    issuer,
    audience: [...clientIds],
    currentDate: now,
    clockTolerance,
  })
  const claims = claimsSchema.parse(payload)
  const { typ = 'JWT', alg } = protectedHeader
  // Logout tokens and access tokens are JWTs of the same keys.
  require(typ.toUpperCase() === 'JWT', `The token is of the type ${typ}`)
  require(claims.iat <= now.getTime() / 1000 + clockTolerance, 'iat is in the future')
  require(longestAge === undefined ||
    now.getTime() / 1000 - claims.iat <= longestAge, `iat is more than ${longestAge} seconds ago`)
  require(typeof claims.aud === 'string' ||
    claims.aud.length === 1 ||
    claims.azp !== undefined, 'azp is missing')
  require(claims.azp === undefined || clientIds.includes(claims.azp), 'azp is another client')
  require(claims.nonce === nonce, 'nonce is of another sign-in')
  if (claims.at_hash !== undefined && accessToken !== undefined)
    require(claims.at_hash === hashOf(accessToken, alg), 'at_hash is of another access token')
  if (accessToken === undefined) {
    const other = findOtherUse(claims)
    require(other === null, `it is for another use, by its claim ${other}`)
  }
  return claims
}

/**
 * Returns the claim that only other tokens have: logout tokens (`events`), access tokens as JWTs of the type JWT (`scope`,
 * `scp`), and those of Keycloak (`typ`, `ID` in its ID tokens). APIs receive access tokens, and must not sign in with them.
 */
function findOtherUse(claims: IdTokenClaims): string | null {
  if (claims.typ !== undefined && claims.typ !== 'ID') return 'typ'
  return ['events', 'scope', 'scp'].find((name) => Object.hasOwn(claims, name)) ?? null
}

function require(isTrue: boolean, problem: string): void {
  if (!isTrue) throw new Error(`ID token: ${problem}`)
}

/** Returns the `at_hash` of an access token: the left half of its hash with the algorithm of the signature. */
function hashOf(accessToken: string, alg: string): string {
  const hash = createHash(alg === 'EdDSA' ? 'sha512' : 'sha256')
    .update(accessToken)
    .digest()
  return hash.subarray(0, hash.length / 2).toString('base64url')
}
