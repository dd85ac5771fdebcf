import { largestSkew } from '../database/clock.ts'
import { isThisMachine } from '../http/ip-address.ts'
import { type Check, failed, ok, skipped } from './check.ts'

/** Checks for variables that begin with `AUTH_` and do not exist. */
export function checkConfiguration(unknownVariables: readonly string[]): Check {
  if (unknownVariables.length === 0) return ok('configuration', 'valid')
  const names = unknownVariables.join(', ')
  return failed('configuration', `no such variable: ${names}`, 'correct the spelling, or remove the variable')
}

/** Returns a check for each warning of the start. */
export function checkWarnings(
  warnings: readonly { name: string; detail: string; cure: string }[],
): readonly Check[] {
  if (warnings.length === 0) return [ok('warnings', 'none')]
  return warnings.map((warning) => ({ ...warning, status: 'warning' }))
}

/** Checks for the published secrets of docker-compose.yml, which begin with "trial". */
export function checkSecrets(secrets: Record<string, string | null | undefined>, publicUrl: string): Check {
  const trial = Object.entries(secrets).flatMap(([name, value]) => (value?.startsWith('trial') ? [name] : []))
  if (trial.length === 0) return ok('secrets', 'no secret has a trial value')
  const names = trial.join(', ')
  if (isThisMachine(publicUrl))
    return ok('secrets', `trial values, which are safe on this machine only: ${names}`)
  return failed(
    'secrets',
    `published trial values: ${names}`,
    'set values of your own (openssl rand -base64 48)',
  )
}

/** A database as the gateway reaches it. `isPooled` is undefined for the embedded database. */
export type DatabaseState = {
  version: string
  isPooled: boolean | undefined
  name: string
  schema: string
  encoding: string
}

/** Checks that the schema of the gateway has every migration of this version. */
export function checkMigrations(pending: readonly string[], state: DatabaseState): Check {
  const { version, isPooled, name, schema, encoding } = state
  const way = isPooled === undefined ? 'embedded' : isPooled ? 'through a pooler' : 'reached directly'
  const where = `PostgreSQL ${version} ${way}, database ${name}, schema ${schema}, encoding ${encoding}`
  if (pending.length === 0) return ok('database', `migrated: ${where}`)
  return failed(
    'database',
    `not migrated (${pending.join(', ')}): ${where}`,
    'run claimgate migrate, or start the gateway',
  )
}

/** Checks the connection for change notifications. `reason` tells why it does not listen; null when it does. */
export function checkNotifications(reason: unknown): Check {
  const name = 'notifications'
  if (reason === null) return ok(name, 'changes of roles, claims and sessions arrive at once')
  const { message } = reason instanceof Error ? reason : new Error(String(reason))
  return {
    name,
    status: 'warning',
    detail: `do not arrive, so /webhook reads the database on every request: ${message}`,
    cure: "set DATABASE_DIRECT_URL to the server's own address, without a pooler",
  }
}

/** Compares the clock of this machine, which is `skew` seconds ahead, with the database's. */
export function checkClock(skew: number): Check {
  const seconds = Math.abs(skew).toFixed(1)
  if (Math.abs(skew) <= largestSkew)
    return ok('clock', `the database and this machine differ by ${seconds} s`)
  return failed(
    'clock',
    `the database is ${seconds} s ${skew < 0 ? 'ahead of' : 'behind'} this machine`,
    'synchronise both clocks (NTP)',
  )
}

/** A signing key. `opens` is true when a secret of this deployment decrypts it. */
export type KeyState = { kid: string; state: 'next' | 'active' | 'retiring'; opens: boolean }

/**
 * Checks that a key can sign now and after the next rotation. The key of AUTH_PRIVATE_KEY (`environmentKid`) signs
 * instead of the stored keys.
 */
export function checkKeys(keys: readonly KeyState[], environmentKid: string | null): Check {
  const locked = keys.filter(({ state, opens }) => state !== 'retiring' && !opens)
  if (locked.length > 0) {
    const kids = locked.map(({ kid, state }) => `${state} ${kid}`).join(', ')
    return failed(
      'keys',
      `AUTH_SECRET does not decrypt ${kids}`,
      'set AUTH_SECRET to the old value, or set AUTH_PREVIOUS_SECRET to the old value beside the new AUTH_SECRET',
    )
  }
  const states = keys.map(({ kid, state }) => `${state} ${kid}`).join(', ')
  if (environmentKid) return ok('keys', `AUTH_PRIVATE_KEY signs: ${environmentKid}`)
  if (keys.length === 0)
    return skipped('keys', 'no key yet: the gateway creates the first one at its first start')
  if (keys.some(({ state }) => state === 'active')) return ok('keys', states)
  return failed(
    'keys',
    `no key is active: ${states}`,
    'start the gateway, or run claimgate keys rotate --now',
  )
}

/**
 * Checks the stored password hashes. `usable` is the number of users whose hash is verified; `unusable` has the number of
 * the others for each reason.
 */
export function checkHashes(usable: number, unusable: ReadonlyMap<string, number>): Check {
  const name = 'password hashes'
  if (unusable.size === 0) return ok(name, `users whose hash can be verified: ${usable}`)
  const reasons = [...unusable].map(([reason, users]) => `${users} (${reason})`).join(', ')
  return {
    name,
    status: 'warning',
    detail: `users whose hash cannot be verified: ${reasons}`,
    cure: 'set their passwords (claimgate user set-password), or replace their hashes',
  }
}

/** The settings of a provider. `callbackUrl` must be registered at the provider. */
export type ProviderState = { label: string; callbackUrl: string; isConfigured: boolean }

/** Checks the callback URL of each configured provider, and names the others. */
export function checkProviders(providers: readonly ProviderState[]): Check[] {
  const others = providers.filter(({ isConfigured }) => !isConfigured).map(({ label }) => label)
  const checks = providers
    .filter(({ isConfigured }) => isConfigured)
    .map(({ label, callbackUrl }) =>
      callbackUrl.startsWith('https:') || isThisMachine(callbackUrl)
        ? ok(label, `the callback URL to register is ${callbackUrl}`)
        : failed(
            label,
            `the callback URL ${callbackUrl} is not https, so providers reject it`,
            'set AUTH_PUBLIC_URL to the https URL of the gateway',
          ),
    )
  return others.length === 0
    ? checks
    : [...checks, skipped('other providers', `without variables: ${others.join(', ')}`)]
}
