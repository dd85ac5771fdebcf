import type { KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import type { Clock } from '../context.ts'

type ClientSecretOptions = {
  /** The key of the provider's developer account. */
  signing: { teamId: string; keyId: string; privateKey: KeyObject }
  clientId: string
  /** The issuer of the provider. */
  audience: string
  clock: Clock
}

// In seconds. A secret is used at once, and may travel to a clock that is ahead or behind.
const lifetime = 300

/** Signs a new client secret: a JWT with ES256. Each token request gets its own, so that none expires. */
export async function signClientSecret({
  signing,
  clientId,
  audience,
  clock,
}: ClientSecretOptions): Promise<string> {
  const now = Math.floor(clock().getTime() / 1000)
  return new SignJWT()
    .setProtectedHeader({ alg: 'ES256', kid: signing.keyId })
    .setIssuer(signing.teamId)
    .setSubject(clientId)
    .setAudience(audience)
    .setIssuedAt(now)
    .setExpirationTime(now + lifetime)
    .sign(signing.privateKey)
}
