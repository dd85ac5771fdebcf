import type { ProvenUser } from '../context.ts'
import { GatewayError } from '../errors.ts'
import type { Reason } from '../events.ts'
import type { Credentials, Users } from '../stores/users.ts'
import type { PasswordHashes } from './password-hash.ts'
import type { VerifyPassword } from './provider.ts'

type VerifyPasswordOptions = {
  users: Pick<Users, 'findCredentials' | 'replaceHash'>
  hashes: PasswordHashes
}

/**
 * What passport-local asks. Unknown user, wrong password, a user without a password and an inactive user get one and
 * the same `invalid_credentials`, and a wrong password takes no less work where there is a user. A hash weaker than today's setting is replaced on the way.
 */
export function createVerifyPassword({ users, hashes }: VerifyPasswordOptions): VerifyPassword {
  async function verify(username: string, password: string): Promise<ProvenUser> {
    const credentials = await users.findCredentials(username)
    const hash = credentials?.password ?? null
    const matches = await hashes.verify(password, hash)
    if (!matches || hash === null || !credentials?.active) {
      const about = { userId: credentials?.id, reason: reasonOf(credentials, matches) }
      throw new GatewayError('invalid_credentials', { about })
    }
    const { id } = credentials
    if (!hashes.isWeak(hash, password)) return { id, passwordHash: hash }
    const stronger = await hashes.hash(password).catch(keepWhenOverloaded)
    if (stronger === null) return { id, passwordHash: hash }
    const isReplaced = await users.replaceHash(id, hash, stronger, 'all')
    // Whoever was faster has changed the password, or made the same hash stronger: that must be looked at again.
    return isReplaced ? { id, passwordHash: stronger } : verify(username, password)
  }
  return function verifyPassword(username, password, done) {
    verify(username, password).then((user) => done(null, user), done)
  }
}

/** For the log only: the answer is the same for all of them. */
function reasonOf(credentials: Credentials | null, matches: boolean): Reason {
  if (credentials === null) return 'unknown_user'
  if (credentials.password === null) return 'no_password'
  return matches ? 'inactive' : 'wrong_password'
}

/** The password was right; that its hash could be stronger can wait for a quieter login. */
function keepWhenOverloaded(error: unknown): null {
  if (error instanceof GatewayError && error.code === 'overloaded') return null
  throw error
}
