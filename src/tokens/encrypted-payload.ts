import { EncryptJWT, type JWTPayload, jwtDecrypt } from 'jose'
import type { SecretKeys } from './secrets.ts'

/** Encrypts and authenticates a payload, such as a cookie's (JWE, `dir` with A256GCM). It expires at `expiresAt`. */
export function seal(payload: JWTPayload, keys: SecretKeys, expiresAt: Date): Promise<string> {
  return new EncryptJWT(payload)
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .setExpirationTime(Math.floor(expiresAt.getTime() / 1000))
    .encrypt(keys[0])
}

/** Decrypts a payload of `seal` with any of the keys. Rejects for any other input, and when it has expired. */
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
    // No `cause`: jose's errors contain the decrypted payload, and causes are logged.
    if (next === undefined) throw new Error(String(error))
    return unseal(sealed, [next, ...rest], now)
  }
}
