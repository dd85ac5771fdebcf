import type { PasswordHashSettings } from '../authentication/password-hash.ts'

/** Hashes one password as the deployment hashes them. */
export async function hashPassword(
  settings: Pick<PasswordHashSettings, 'passwordHash' | 'bcryptCost'>,
  password: string,
): Promise<string> {
  const { createPasswordHashes } = await import('../authentication/password-hash.ts')
  return createPasswordHashes({ ...settings, concurrency: 1, queue: 1 }).hash(password)
}
