import { errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import { createNamespace, type NamespaceSettings } from '../claims/hasura-claims.ts'
import type { ActiveSession, Bearer, HasuraClaims } from '../context.ts'
import { GatewayError } from '../errors.ts'
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

// Tokens of an earlier version have no auth_time.
const payloadSchema = z.object({
  sub: z.guid(),
  sid: z.guid(),
  iat: z.number(),
  exp: z.number(),
  auth_time: z.number().default(0),
})

/** Signs and verifies access tokens: RS256 JWTs (RFC 7519; RFC 9068 except its `typ`, which Hasura does not know). */
export function createAccessTokens(keys: SigningKeys, settings: TokenSettings) {
  const { issuer, audience } = settings
  const verified = createVerifiedTokens(keys.find)
  return {
    /** Signs a token with the lifetime of the settings, at most until the end of its session. */
    sign: async (subject: TokenSubject, jti: string, now: Date): Promise<IssuedToken> => {
      const issuedAt = Math.floor(now.getTime() / 1000)
      const sessionEnd = Math.floor(subject.sessionExpiresAt.getTime() / 1000)
      const expiresAt = Math.min(issuedAt + settings.accessTokenLifetime, sessionEnd)
      const token = await new SignJWT({
        name: subject.username,
        sid: subject.sessionId,
        auth_time: Math.floor(subject.authTime.getTime() / 1000),
        amr: subject.amr,
        acr: String(subject.level),
        ...createNamespace(subject.claims, settings),
      })
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: keys.active.kid })
        .setIssuer(issuer)
        .setSubject(subject.claims.userId)
        .setAudience(audience)
        .setIssuedAt(issuedAt)
        .setExpirationTime(expiresAt)
        .setJti(jti)
        .sign(keys.active.privateKey)
      return { token, expiresIn: expiresAt - issuedAt }
    },

    /** Returns the user and session of a token. Throws `invalid_token` for an expired token or a foreign signature. */
    verify: async (token: string, now: Date): Promise<Bearer> => {
      const known = verified.find(token, now)
      if (known) return known
      try {
        const { payload, protectedHeader } = await jwtVerify(token, ({ kid }) => findKey(keys, kid, now), {
          algorithms: ['RS256'],
          typ: 'JWT',
          issuer,
          audience,
          currentDate: now,
          requiredClaims: ['sub', 'sid', 'iat', 'exp', 'jti'],
        })
        const { sub, sid, iat, exp, auth_time: authTime } = payloadSchema.parse(payload)
        if (iat > now.getTime() / 1000 + clockSkew)
          throw new errors.JWTClaimValidationFailed('"iat" is in the future', payload, 'iat')
        const bearer = { userId: sub, sessionId: sid, expiresAt: exp, authTime }
        verified.add(token, protectedHeader.kid, bearer)
        return bearer
      } catch (cause) {
        if (cause instanceof errors.JOSEError || cause instanceof z.ZodError || cause instanceof TypeError) {
          throw new GatewayError('invalid_token', { cause })
        }
        throw cause
      }
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

async function findKey(keys: SigningKeys, kid: string | undefined, now: Date) {
  const key = kid === undefined ? undefined : await keys.seek(kid, now)
  if (!key) throw new errors.JWKSNoMatchingKey()
  return key
}
