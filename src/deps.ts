import type { Logger } from 'pino'
import type { PasswordHashes } from './authentication/password-hash.ts'
import type { RequirePassword } from './authentication/password-policy.ts'
import type { Provider } from './authentication/provider.ts'
import type { Config } from './config/config.ts'
import type { Clock } from './context.ts'
import type { Announcer } from './events.ts'
import type { Limits } from './limits/limits.ts'
import type { Metrics } from './observability/metrics.ts'
import type { Tracing } from './observability/tracing.ts'
import type { PageFiles } from './pages/load-pages.ts'
import type { AccessCache } from './sessions/access-cache.ts'
import type { Identities } from './stores/identities.ts'
import type { OneTime } from './stores/one-time.ts'
import type { PageSessions } from './stores/page-sessions.ts'
import type { Sessions } from './stores/sessions.ts'
import type { Users } from './stores/users.ts'
import type { SecretKeys } from './tokens/secrets.ts'
import type { SigningKeys } from './tokens/signing-keys.ts'

/** Everything that the gateway is made of; whoever makes it decides about database, clock, network and randomness. */
export type Deps = {
  config: Config
  providers: readonly Provider[]
  keys: SigningKeys
  /** Derived from AUTH_SECRET and, while it is being changed, from the one before. */
  secrets: { cookie: SecretKeys; refreshToken: SecretKeys; page: SecretKeys; form: SecretKeys }
  users: Users
  identities: Identities
  sessions: Sessions
  /** What `/webhook` reads sessions from; null when it is to ask the database every time. */
  accessCache: Pick<AccessCache, 'read'> | null
  pageSessions: PageSessions
  oneTime: OneTime
  hashes: PasswordHashes
  requirePassword: RequirePassword
  /** Against guessing and flooding; null when a load test switched them off. */
  limits: Limits | null
  /** What the pages are made of; null when there are none. */
  pages: PageFiles | null
  isReady: () => Promise<boolean>
  log: Logger
  announce: Announcer
  /** Null unless the configuration asks for them. */
  metrics: Metrics | null
  tracing: Tracing | null
  clock: Clock
  createId: () => string
  fetch: typeof globalThis.fetch
}
