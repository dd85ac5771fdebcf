import type { KeyObject } from 'node:crypto'
import * as z from 'zod'
import { createNamespace, type NamespaceSettings } from '../claims/hasura-claims.ts'
import type { ActiveSession, Bearer, HasuraClaims } from '../context.ts'
import { invalidToken, type Jws, parseJws, signJws, verifyJws } from './jws.ts'
import type { SigningKeys } from './keyring.ts'
import { createVerifiedTokens } from './verified-tokens.ts'

/** The user, session and claims of an access token. */
export type TokenSubject = Pick<ActiveSession, 'username' | 'sessionId' | 'authTime' | 'amr' | 'level'> & {
  sessionExpiresAt: Date
  claims: HasuraClaims
}

/** A signed token and its remaining lifetime in seconds. */
export type IssuedToken = { token: string; expiresIn: number }

export type TokenSettings = NamespaceSettings & {
  issuer: string
  audience: string
  /** In seconds. */
  accessTokenLifetime: number
}

export type AccessTokens = ReturnType<typeof createAccessTokens>

// The difference in seconds between the clocks of two gateways; Hasura gets the same `allowed_skew`.
const clockSkew = 30

/** Returns the schema of the claims of an access token. */
function createClaimsSchema(issuer: string, audience: string) {
  return z.object({
    iss: z.literal(issuer),
    aud: z.literal(audience).or(z.array(z.unknown()).refine((all) => all.includes(audience))),
    sub: z.guid(),
    sid: z.guid(),
    jti: z.string(),
    iat: z.number(),
    exp: z.number(),
    nbf: z.number().optional(),
    // Tokens of an earlier version have none.
    auth_time: z.number().default(0),
  })
}

/** Signs and verifies access tokens: RS256 JWTs (RFC 7519; RFC 9068 except its `typ`, which Hasura does not know). */
export function createAccessTokens(keys: SigningKeys, settings: TokenSettings) {
  const { issuer, audience } = settings
  const verified = createVerifiedTokens(keys.find)
  const claimsSchema = createClaimsSchema(issuer, audience)

  function check(payload: unknown, now: Date): Bearer {
    const parsed = claimsSchema.safeParse(payload)
    if (!parsed.success) throw invalidToken(parsed.error)
    const { sub, sid, iat, exp, nbf = 0, auth_time: authTime } = parsed.data
    const seconds = now.getTime() / 1000
    if (exp <= Math.floor(seconds)) throw invalidToken(new Error('The token has expired'))
    if (nbf > Math.floor(seconds) || iat > seconds + clockSkew)
      throw invalidToken(new Error('The token begins in the future'))
    return { userId: sub, sessionId: sid, expiresAt: exp, authTime }
  }

  function verifyWith(key: KeyObject, token: string, jws: Jws, now: Date): Bearer {
    const bearer = check(verifyJws(jws, key), now)
    verified.add(token, jws.kid, bearer)
    return bearer
  }

  return {
    /** Signs a token with the lifetime of the settings, at most until the end of its session. */
    sign: async (subject: TokenSubject, jti: string, now: Date): Promise<IssuedToken> => {
      const issuedAt = Math.floor(now.getTime() / 1000)
      const sessionEnd = Math.floor(subject.sessionExpiresAt.getTime() / 1000)
      const expiresAt = Math.min(issuedAt + settings.accessTokenLifetime, sessionEnd)
      const payload = {
        name: subject.username,
        sid: subject.sessionId,
        auth_time: Math.floor(subject.authTime.getTime() / 1000),
        amr: subject.amr,
        acr: String(subject.level),
        ...createNamespace(subject.claims, settings),
        iss: issuer,
        sub: subject.claims.userId,
        aud: audience,
        iat: issuedAt,
        exp: expiresAt,
        jti,
      }
      const token = await signJws(payload, keys.active)
      return { token, expiresIn: expiresAt - issuedAt }
    },

    /** Returns the user and session of a token. Throws `invalid_token` for an expired token or a foreign signature. */
    verify: async (token: string, now: Date): Promise<Bearer> => {
      const known = verified.find(token, now)
      if (known) return known
      const jws = parseJws(token)
      const key = await keys.seek(jws.kid, now)
      if (key === undefined) throw invalidToken(new Error('No key has the kid of the token'))
      return verifyWith(key, token, jws, now)
    },

    /** Verifies like `verify`, at once; undefined for a token of an unknown key. */
    verifyNow: (token: string, now: Date): Bearer | undefined => {
      const known = verified.find(token, now)
      if (known) return known
      const jws = parseJws(token)
      const key = keys.find(jws.kid)
      return key && verifyWith(key, token, jws, now)
    },
  }
}

// Times, ids, methods and the names of the members; the header; and the signature of a key of 4096 bits, in base64url.
const fixedPayload = 300
const fixedParts = 120 + 683

/** Returns the greatest length of an access token with these claims. */
export function estimateLength(
  username: string,
  claims: HasuraClaims,
  settings: Pick<TokenSettings, 'issuer' | 'audience' | keyof NamespaceSettings>,
): number {
  const { issuer, audience } = settings
  const members = { name: username, iss: issuer, aud: audience, ...createNamespace(claims, settings) }
  const payload = Buffer.byteLength(JSON.stringify(members)) + fixedPayload
  return fixedParts + Math.ceil((payload * 4) / 3)
}
