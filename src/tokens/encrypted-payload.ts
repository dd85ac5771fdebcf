import { EncryptJWT, type JWTPayload, jwtDecrypt } from 'jose'
import type { SecretKeys } from './secrets.ts'

/** Encrypts what only the gateway may read and nobody may change, such as in a cookie, until `expiresAt`. */
export function seal(payload: JWTPayload, keys: SecretKeys, expiresAt: Date): Promise<string> {
  return new EncryptJWT(payload)
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .setExpirationTime(Math.floor(expiresAt.getTime() / 1000))
    .encrypt(keys[0])
}

/** Reads what `seal` made with one of the keys. Rejects for anything else, and when it has expired. */
export async function unseal(sealed: string, keys: SecretKeys, now: Date): Promise<JWTPayload> {
  const [key, ...others] = keys
  const [next, ...rest] = others
  try {
    const { payload } = await jwtDecrypt(sealed, key, {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
      requiredClaims: ['exp'],
      currentDate: now,
    })
    return payload
  } catch (error) {
    // As text: jose's errors have the decrypted payload with them, and a cause is logged.
    if (next === undefined) throw new Error(String(error))
    return unseal(sealed, [next, ...rest], now)
  }
}
