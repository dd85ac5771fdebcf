import { isThisMachine } from '../http/ip-address.ts'
import type { Config } from './config.ts'
import { environmentPrefix } from './providers.ts'

/** A valid setting, or a file, that puts the deployment at risk. `name` is the variable or the path. */
export type Warning = { name: string; detail: string; cure: string }

// Fewer distinct characters than any random secret of 32 bytes has in practice.
const fewest = 8

/** Returns the warnings about settings that are valid, and unsafe for the public URL or in general. */
export function findWarnings(config: Config): Warning[] {
  return [
    ...findPublicWarnings(config),
    ...findSecretWarnings(config),
    ...findAdminWarnings(config),
    ...config.formerVariables,
  ]
}

/** Returns the warnings about a gateway that other machines reach. */
function findPublicWarnings(config: Config): Warning[] {
  const { publicUrl, production, passwordPolicy, passwordMinLength, rateLimit } = config
  const isPublic = !isThisMachine(publicUrl)
  const warnings: Warning[] = []
  if (isPublic && publicUrl.startsWith('http:'))
    warnings.push({
      name: 'AUTH_PUBLIC_URL',
      detail: 'is an http: URL of another host: passwords and tokens cross the network unencrypted',
      cure: 'set it to an https: URL, with a proxy in front that has a certificate',
    })
  if (isPublic && publicUrl.startsWith('https:') && !production)
    warnings.push({
      name: 'NODE_ENV',
      detail: 'is not production, although the public URL is for other machines',
      cure: 'set NODE_ENV=production, for the defaults of a deployment: apps need PKCE (AUTH_REQUIRE_PKCE), and load balancers notice a stop (AUTH_DRAIN)',
    })
  if (!isPublic && !production) return warnings
  if (passwordPolicy === 'basic')
    warnings.push({
      name: 'AUTH_PASSWORD_POLICY',
      detail: `is basic: common passwords of ${passwordMinLength} characters are accepted`,
      cure: 'unset it, or set it to strict',
    })
  else if (passwordMinLength < 8)
    warnings.push({
      name: 'AUTH_PASSWORD_MIN_LENGTH',
      detail: `accepts passwords of ${passwordMinLength} characters`,
      cure: 'unset it, or set it to 8 or more',
    })
  if (!rateLimit)
    warnings.push({
      name: 'AUTH_RATE_LIMIT',
      detail: 'is off: passwords can be guessed without a limit',
      cure: 'unset it, or set it to on',
    })
  return warnings
}

/** Returns the warnings about secrets that can be guessed. */
function findSecretWarnings({ publicUrl, ...config }: Config): Warning[] {
  const secrets = {
    AUTH_SECRET: config.secret,
    AUTH_PREVIOUS_SECRET: config.previousSecret,
    AUTH_ACTION_SECRET: config.actionSecret,
    AUTH_WEBHOOK_SECRET: config.webhookSecret,
  }
  return Object.entries(secrets).flatMap(([name, secret]) => {
    const detail = secret && findWeakness(secret, isThisMachine(publicUrl))
    return detail ? [{ name, detail, cure: 'set another value (openssl rand -base64 48)' }] : []
  })
}

/** Returns a warning for each provider whose groups give the role admin, which does not count. */
function findAdminWarnings({ providers, roles }: Config): Warning[] {
  if (roles.allowAdmin) return []
  return [...providers].flatMap(([provider, settings]) => {
    const given = [...(settings.roles?.roles?.values() ?? [])].flat()
    if (!given.includes('admin')) return []
    return [
      {
        name: `${environmentPrefix(provider)}_ROLES`,
        detail: 'gives the role admin, which does not count: admin is the superuser of Hasura',
        cure: 'set AUTH_ALLOW_ADMIN_ROLE=true, or give another role',
      },
    ]
  })
}

/**
 * Returns a warning for each provider whose groups give roles that do not exist. `findMissing` returns the names without a
 * role.
 */
export async function findMissingRoles(
  { providers, roles }: Pick<Config, 'providers' | 'roles'>,
  findMissing: (names: readonly string[]) => Promise<string[]>,
): Promise<Warning[]> {
  const given = [...providers].flatMap(([provider, settings]) => {
    const names = [...(settings.roles?.roles?.values() ?? [])].flat()
    return names.length > 0 ? [{ name: `${environmentPrefix(provider)}_ROLES`, names }] : []
  })
  if (given.length === 0) return []
  const missing = await findMissing([...new Set(given.flatMap(({ names }) => names))])
  // Every user has the default role, also when it does not exist.
  const lacks = (names: readonly string[]) =>
    missing.filter((role) => role !== roles.defaultRole && names.includes(role))
  return given.flatMap(({ name, names }) => {
    const quoted = lacks(names).map((role) => JSON.stringify(role))
    if (quoted.length === 0) return []
    const detail = `gives roles that do not exist: ${quoted.join(', ')}`
    return [{ name, detail, cure: 'create them with claimgate role create, or correct their names' }]
  })
}

/** Returns the reason why a secret can be guessed; null without one. The trial values are for this machine only. */
function findWeakness(secret: string, isLocal: boolean): string | null {
  if (/^PUT-THE-OUTPUT/.test(secret) || (!isLocal && secret.startsWith('trial')))
    return 'has a published example value'
  if (new Set(secret).size < fewest) return `has fewer than ${fewest} different characters`
  if (findPeriod(secret) <= secret.length / 2) return 'repeats a shorter text'
  return isSequence(secret) ? 'is a sequence of neighbouring characters' : null
}

/** Returns the length of the shortest text whose repetition the value is, the last time perhaps in part. */
function findPeriod(value: string): number {
  for (let period = 1; period < value.length; period++)
    if (value.startsWith(value.slice(period))) return period
  return value.length
}

/** Returns true when most characters follow the character before them, as in `abcdef` and `987654`. */
function isSequence(value: string): boolean {
  const steps = [...value].filter(
    (_, at) => at > 0 && Math.abs(value.charCodeAt(at) - value.charCodeAt(at - 1)) <= 1,
  )
  return steps.length > value.length / 2
}
