import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'

/** Hashes a new password as the deployment hashes them. Throws `validation_failed` when its policy refuses it. */
export async function hashNewPassword(
  config: Config,
  username: string,
  password: string,
  log: Logger,
): Promise<string> {
  const [{ createPasswordHashes }, { loadPasswordPolicy }, { createBreachCheck }] = await Promise.all([
    import('../authentication/password-hash.ts'),
    import('../authentication/password-policy.ts'),
    import('../authentication/breached-passwords.ts'),
  ])
  const isBreached = createBreachCheck(config, globalThis.fetch, log)
  const requirePassword = await loadPasswordPolicy({ ...config, isBreached })
  await requirePassword(password, username, 'password')
  return createPasswordHashes({ ...config, concurrency: 1, queue: 1, wait: 1 }).hash(password)
}
