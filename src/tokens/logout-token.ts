import { jwtVerify } from 'jose'
import * as z from 'zod'
import { clockTolerance, signatureAlgorithms } from './id-token.ts'
import type { FindKey } from './provider-keys.ts'

/** The values that the claims of a logout token must have. */
export type LogoutTokenRules = { issuer: string; clientIds: readonly string[]; now: Date }

/** The claims of a checked logout token: the user, or the session at the provider, or both. */
export type LogoutClaims = {
  jti: string
  iat: number
  exp: number
  sub?: string | undefined
  sid?: string | undefined
}

const event = 'http://schemas.openid.net/event/backchannel-logout'
const types = ['logout+jwt', 'application/logout+jwt', 'jwt']

// PostgreSQL stores no NUL.
const text = z
  .string()
  .min(1)
  .max(255)
  .refine((value) => !value.includes('\0'))

// Seconds, up to the end of the year 9999: a later time is no time of PostgreSQL.
const time = z.number().min(0).max(253_402_300_799)

const claimsSchema = z.looseObject({
  jti: text,
  iat: time,
  exp: time,
  events: z.looseObject({ [event]: z.looseObject({}) }),
  sub: text.optional(),
  sid: text.optional(),
})

/**
 * Checks a logout token (OpenID Connect Back-Channel Logout, section 2.6): signature, `iss`, `aud`, `iat`, `exp`, `jti`,
 * `events`, no `nonce`, and `sub` or `sid`. Returns its claims. Throws for an invalid token, and the errors of `findKey`.
 */
export async function verifyLogoutToken(
  logoutToken: string,
  findKey: FindKey,
  { issuer, clientIds, now }: LogoutTokenRules,
): Promise<LogoutClaims> {
  const { payload, protectedHeader } = await jwtVerify(logoutToken, findKey, {
    algorithms: signatureAlgorithms,
    issuer,
    audience: [...clientIds],
    currentDate: now,
    clockTolerance,
  })
  const { typ = 'JWT' } = protectedHeader
  if (!types.includes(typ.toLowerCase())) throw new Error(`the token is of the type ${typ}`)
  if (Object.hasOwn(payload, 'nonce')) throw new Error('it has a nonce')
  const claims = claimsSchema.safeParse(payload)
  if (!claims.success)
    throw new Error(`${claims.error.issues[0]?.path.join(' ')} is missing or invalid`, {
      cause: claims.error,
    })
  const { iat, sub, sid } = claims.data
  if (iat > now.getTime() / 1000 + clockTolerance) throw new Error('iat is in the future')
  if (sub === undefined && sid === undefined) throw new Error('sub and sid are missing')
  return claims.data
}
