import type { Database } from '../database/database.ts'
import { type Check, failed, ok, skipped } from './check.ts'

// In milliseconds; Hasura is told to allow thirty seconds.
const mayDiffer = 5000

/** Whether the variables mean something. */
export function checkConfiguration(unknownVariables: readonly string[]): Check {
  if (unknownVariables.length === 0) return ok('configuration', 'valid')
  const names = unknownVariables.join(', ')
  return failed('configuration', `no such variable: ${names}`, 'correct the spelling, or remove it')
}

/** Values that begin with "trial" are those of docker-compose.yml, which everybody knows. */
export function checkSecrets(secrets: Record<string, string | null | undefined>, publicUrl: string): Check {
  const trial = Object.entries(secrets).flatMap(([name, value]) => (value?.startsWith('trial') ? [name] : []))
  if (trial.length === 0) return ok('secrets', 'none is a trial value')
  const names = trial.join(', ')
  if (isLocal(publicUrl)) return ok('secrets', `trial values, good for this machine only: ${names}`)
  return failed(
    'secrets',
    `everybody knows the value of ${names}`,
    'choose values of your own (openssl rand -base64 48)',
  )
}

/** Whether the database has every migration of this version. */
export function checkMigrations(pending: readonly string[]): Check {
  if (pending.length === 0) return ok('database', 'reachable and migrated')
  return failed('database', `not migrated: ${pending.join(', ')}`, 'claimgate migrate, or start the gateway')
}

/** Whether the database's clock is that of this process; it was read between `before` and `after`. */
export function checkClock(database: Date, before: Date, after: Date): Check {
  const ahead =
    Math.min(database.getTime() - before.getTime(), 0) || Math.max(database.getTime() - after.getTime(), 0)
  const seconds = (Math.abs(ahead) / 1000).toFixed(1)
  if (Math.abs(ahead) <= mayDiffer) return ok('clock', `the database and this machine differ by ${seconds} s`)
  return failed(
    'clock',
    `the database is ${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} this machine`,
    'synchronise both clocks (NTP)',
  )
}

/** A signing key, and whether a secret of this deployment opens it. */
export type KeyState = { kid: string; state: 'next' | 'active' | 'retiring'; opens: boolean }

/** Whether there is a key to sign with, now and after the next rotation. `environmentKid` signs in place of all. */
export function checkKeys(keys: readonly KeyState[], environmentKid: string | null): Check {
  const locked = keys.filter(({ state, opens }) => state !== 'retiring' && !opens)
  if (locked.length > 0) {
    const kids = locked.map(({ kid, state }) => `${state} ${kid}`).join(', ')
    return failed(
      'keys',
      `AUTH_SECRET does not open ${kids}`,
      'set AUTH_SECRET to what it was, or AUTH_PREVIOUS_SECRET beside the new one',
    )
  }
  const states = keys.map(({ kid, state }) => `${state} ${kid}`).join(', ')
  if (environmentKid) return ok('keys', `AUTH_PRIVATE_KEY signs: ${environmentKid}`)
  if (keys.length === 0) return skipped('keys', 'none yet: the gateway makes the first one when it starts')
  if (keys.some(({ state }) => state === 'active')) return ok('keys', states)
  return failed('keys', `none is active: ${states}`, 'start the gateway, or claimgate keys rotate --now')
}

/** What a provider needs: `callbackUrl` is to be registered there. */
export type ProviderState = { label: string; prefix: string; callbackUrl: string; isConfigured: boolean }

/** Whether each provider is set up, and what to register there. */
export function checkProviders(providers: readonly ProviderState[]): Check[] {
  return providers.map(({ label, prefix, callbackUrl, isConfigured }) => {
    if (!isConfigured)
      return skipped(label, `not configured: ${prefix}_CLIENT_ID and ${prefix}_CLIENT_SECRET`)
    if (callbackUrl.startsWith('https:') || isLocal(callbackUrl))
      return ok(label, `the callback URL to register is ${callbackUrl}`)
    return failed(
      label,
      `the callback URL ${callbackUrl} is not https, which providers refuse`,
      'set AUTH_PUBLIC_URL to the https address of the gateway',
    )
  })
}

function isLocal(url: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname)
}

const now = { name: 'clock', text: 'SELECT clock_timestamp() AS now' }

/** What time it is in the database. */
export async function readClock({ query }: Pick<Database, 'query'>): Promise<Date> {
  const [row] = await query<{ now: Date }>(now, [])
  if (!row) throw new Error('the database has no clock')
  return row.now
}
