import type { Context, Credentials, ProvenUser } from '../context.ts'
import { GatewayError } from '../errors.ts'
import type { Reason } from '../events.ts'
import type { Users } from '../stores/users.ts'
import type { PasswordHashes } from './password-hash.ts'
import { isUsableHash } from './password-hash-format.ts'
import type { VerifyPassword } from './provider.ts'

type VerifyPasswordOptions = {
  /** The name of the password provider. */
  provider: string
  users: Pick<Users, 'findCredentials' | 'replaceHash'>
  hashes: PasswordHashes
}

/**
 * Creates the callback of passport-local. An unknown user, a wrong password, a user without a password and an inactive
 * user get the same `invalid_credentials`. A wrong password costs at least the work of an unknown user. A hash that is
 * weaker than today's settings is replaced.
 */
export function createVerifyPassword({ provider, users, hashes }: VerifyPasswordOptions): VerifyPassword {
  async function verify(
    username: string,
    password: string,
    address: string,
    read?: Credentials | null,
  ): Promise<ProvenUser> {
    const credentials = read === undefined ? await users.findCredentials(username) : read
    const hash = credentials?.password ?? null
    const matches = await hashes.verify(password, hash, address)
    if (!matches || hash === null || !credentials?.active) {
      const about = { userId: credentials?.id, reason: reasonOf(credentials, matches) }
      throw new GatewayError('invalid_credentials', { about })
    }
    const { id } = credentials
    const proven = { id, provider, amr: ['pwd'] }
    if (!hashes.isWeak(hash, password)) return { ...proven, passwordHash: hash }
    const stronger = await hashes.hash(password, address).catch(keepWhenOverloaded)
    if (stronger === null) return { ...proven, passwordHash: hash }
    const isReplaced = await users.replaceHash(id, hash, stronger, 'all')
    // A concurrent request has replaced the hash or changed the password, so the password is verified again.
    return isReplaced ? { ...proven, passwordHash: stronger } : verify(username, password, address)
  }
  return function verifyPassword(...args) {
    const [req, username, password, done] = args.length === 4 ? args : [null, ...args]
    const { address = '', credentials } = (req as { ctx: Context } | null)?.ctx.state ?? {}
    // A strategy may pass another name than the client has sent.
    const read = credentials?.username === username ? credentials.user : undefined
    verify(username, password, address, read).then((user) => done(null, user), done)
  }
}

/** Returns the reason for the log. The answer is the same for all reasons. */
function reasonOf(credentials: Credentials | null, matches: boolean): Reason {
  if (credentials === null) return 'unknown_user'
  if (credentials.password === null) return 'no_password'
  if (!isUsableHash(credentials.password)) return 'unusable_hash'
  return matches ? 'inactive' : 'wrong_password'
}

/** Keeps the weak hash when the queue is full. A later login replaces it. */
function keepWhenOverloaded(error: unknown): null {
  if (error instanceof GatewayError && error.code === 'overloaded') return null
  throw error
}
