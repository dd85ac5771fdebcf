import type * as z from 'zod'
import { withDefaultSslmode } from '../database/connection-string.ts'
import { ConfigError } from '../errors.ts'
import { isThisMachine } from '../http/ip-address.ts'
import type { LimitSettings } from '../limits/limits.ts'
import { findFormer, isFormer } from './former-variables.ts'
import { type KeyFiles, readKeyPair, readPreviousKeys, readSecret } from './keys.ts'
import { corsOrigins, isAllowedTarget, redirectOrigins as redirectTargets, webOrigins } from './origins.ts'
import { readPages } from './pages.ts'
import { findReservedNames, type ProviderNames, type Read, readProviders } from './providers.ts'
import { readProxies } from './proxies.ts'
import { fileVariable, findValue, isGiven, type SecretFiles } from './secrets.ts'
import * as v from './values.ts'

export type Config = ReturnType<typeof parseConfig>

/**
 * Parses the whole environment. Pure; the result is frozen. An empty variable counts as unset, except that an empty
 * AUTH_ANONYMOUS_ROLE means no anonymous role. `providers` are the names of the provider files with a strategy of OAuth,
 * and `files.otherProviders` those of the other provider files. A secret may be in the file that `<NAME>_FILE` names;
 * `files` has what was read.
 * Throws one ConfigError with every problem.
 */
export function parseConfig(
  env: Record<string, string | undefined>,
  providers: readonly string[] = [],
  files: KeyFiles & { secrets?: SecretFiles; otherProviders?: Omit<ProviderNames, 'oauth'> } = {},
) {
  const problems: string[] = []
  const known = new Set<string>()
  const quoted: string[] = []

  // Returns undefined for an invalid value, against its type: parseConfig then throws and returns no configuration.
  function read<T>(name: string, schema: z.ZodType<T, string | undefined>): T {
    known.add(name).add(fileVariable(name) ?? name)
    const found = findValue(name, env, files.secrets ?? new Map())
    if ('problem' in found) {
      problems.push(found.problem)
      return undefined as T
    }
    const { value, label } = found
    const result = schema.safeParse(value)
    if (result.success) {
      if (value !== undefined && v.isQuoted(value)) quoted.push(name)
      return result.data
    }
    problems.push(
      `${label} ${result.error.issues[0]?.message}${value === undefined ? '' : v.findCause(value)}`,
    )
    return undefined as T
  }

  const ofProviders = new Set<string>()
  const readOfProvider: Read = (name, schema) => {
    ofProviders.add(name).add(fileVariable(name) ?? name)
    return read(name, schema)
  }

  const production = env.NODE_ENV === 'production'
  const port = read('PORT', v.integer(0, 65535, 8080))
  const publicUrl = read('AUTH_PUBLIC_URL', v.publicUrl(`http://localhost:${port ?? 8080}`))
  const databaseUrl = readDatabaseUrl('DATABASE_URL')
  const workers = read('WEB_CONCURRENCY', v.integer(1, 64, 1))
  const keyPair = readKeyPair(read, problems, files)
  const idle = read('AUTH_SESSION_IDLE_LIFETIME', v.integer(60, 31_536_000, 14 * 86_400))
  const absolute = read('AUTH_SESSION_LIFETIME', v.integer(60, 31_536_000, 30 * 86_400))
  const redirectOrigins = read('AUTH_REDIRECT_ORIGINS', redirectTargets) ?? []
  const passwordPolicy = read(
    'AUTH_PASSWORD_POLICY',
    v.oneOf(
      ['basic', 'strict'],
      production || (publicUrl !== undefined && !isThisMachine(publicUrl)) ? 'strict' : 'basic',
    ),
  )
  const names = { openId: [], password: [], ...files.otherProviders, oauth: providers }
  const allowAdmin = read('AUTH_ALLOW_ADMIN_ROLE', v.flag(false))

  const config = {
    /** True when NODE_ENV is production. */
    production,
    port,
    /** The number of worker processes. */
    workers,
    host: read('HOST', v.text('0.0.0.0')),
    databaseUrl,
    /** The URL for migrations and LISTEN; undefined for `databaseUrl`. */
    databaseDirectUrl: readDatabaseUrl('DATABASE_DIRECT_URL'),
    databasePool: read('AUTH_DATABASE_POOL', v.integer(1, 500, 10)),
    databaseTimeout: read('AUTH_DATABASE_TIMEOUT', v.integer(1, 60, 5)),
    dataDir: read('AUTH_DATA_DIR', v.text('./data')),
    publicUrl,
    secret: readSecret(read, problems, keyPair, databaseUrl !== undefined && !isGiven('AUTH_SECRET', env)),
    keyPair,
    keyBits: read('AUTH_KEY_BITS', v.oneOf(['2048', '3072', '4096'], '2048')),
    issuer: read('AUTH_ISSUER', v.stringOrUri(publicUrl ?? '')),
    audience: read('AUTH_AUDIENCE', v.stringOrUri('hasura')),
    previousSecret: read('AUTH_PREVIOUS_SECRET', v.secret),
    previousKeys: readPreviousKeys(read, problems, keyPair),
    /** Seconds; 0 means no rotation. */
    keyRotation: read('AUTH_KEY_ROTATION', v.integer(0, 3650, 90)) * 86_400,
    accessTokenLifetime: read('AUTH_ACCESS_TOKEN_LIFETIME', v.integer(60, 86_400, 900)),
    sessionLifetimes: Object.freeze({ idle, absolute }),
    sessionsPerUser: read('AUTH_SESSIONS_PER_USER', v.integer(1, 10_000, 100)),
    refreshGrace: read('AUTH_REFRESH_GRACE', v.integer(0, 300, 30)),
    /** The greatest age of an authentication that may change the ways to sign in, in seconds. */
    freshSeconds: read('AUTH_FRESH_SECONDS', v.integer(1, 86_400, 300)),
    cookieMode: read('AUTH_COOKIE_MODE', v.flag(false)),
    claimsNamespace: read('AUTH_CLAIMS_NAMESPACE', v.namespace('https://hasura.io/jwt/claims')),
    claimsFormat: read('AUTH_CLAIMS_FORMAT', v.oneOf(['json', 'stringified_json'], 'json')),
    roles: Object.freeze({
      defaultRole: read('AUTH_DEFAULT_ROLE', v.role('user', allowAdmin)),
      anonymousRole: readAnonymousRole(),
      allowAdmin,
      /** The form of extra claims in tokens and webhook answers. */
      claimsValues: read('AUTH_CLAIMS_VALUES', v.oneOf(['text', 'json'], 'text')),
    }),
    signup: read('AUTH_SIGNUP', v.flag(true)),
    /** False closes the routes and operations that take a password of a user. The pages stay. */
    passwordApi: read('AUTH_PASSWORD_API', v.flag(true)),
    usernameAt: read('AUTH_USERNAME_AT', v.flag(true)),
    passwordPolicy,
    passwordMinLength: read(
      'AUTH_PASSWORD_MIN_LENGTH',
      v.integer(1, 72, passwordPolicy === 'strict' ? 8 : 4),
    ),
    passwordWords: Object.freeze(read('AUTH_PASSWORD_WORDS', v.words)),
    breachUrl: read('AUTH_PASSWORD_BREACH_URL', v.endpointUrl),
    passwordHash: read('AUTH_PASSWORD_HASH', v.oneOf(['bcrypt', 'argon2id'], 'bcrypt')),
    bcryptCost: read('AUTH_BCRYPT_COST', v.integer(4, 15, 10)),
    hashQueue: read('AUTH_HASH_QUEUE', v.integer(0, 100_000, 500)),
    hashPerAddress: read('AUTH_HASH_PER_ADDRESS', v.integer(1, 100_000, 125)),
    /** Seconds. */
    hashWait: read('AUTH_HASH_WAIT', v.integer(1, 300, 10)),
    providers: readProviders({ read: readOfProvider, env, problems, names, production }),
    providerTimeout: read('AUTH_PROVIDER_TIMEOUT', v.integer(1, 60, 5)),
    /** The proxies of requests to providers and other services. */
    proxies: Object.freeze(readProxies(read)),
    redirectOrigins: Object.freeze(redirectOrigins),
    corsOrigins: Object.freeze(read('AUTH_CORS_ORIGINS', corsOrigins) ?? webOrigins(redirectOrigins)),
    /** True when a sign-in for an app requires a PKCE challenge. */
    requirePkce: read('AUTH_REQUIRE_PKCE', v.flag(production)),
    /** True asks for a click before a sign-in for an app that another site may have begun. */
    confirmSignIn: read('AUTH_CONFIRM_SIGNIN', v.flag(false)),
    trustedProxies: read('AUTH_TRUSTED_PROXIES', v.integer(0, 100, 0)),
    jwksMaxAge: read('AUTH_JWKS_MAX_AGE', v.integer(1, 86_400, 300)),
    stateLifetime: read('AUTH_STATE_LIFETIME', v.integer(60, 3600, 600)),
    /** Seconds. */
    headersTimeout: read('AUTH_HEADERS_TIMEOUT', v.integer(1, 300, 10)),
    /** Seconds. */
    requestTimeout: read('AUTH_REQUEST_TIMEOUT', v.integer(1, 600, 30)),
    /** Seconds that an idle connection stays open. */
    keepAliveTimeout: read('AUTH_KEEP_ALIVE_TIMEOUT', v.integer(1, 3600, 65)),
    maxConnections: read('AUTH_MAX_CONNECTIONS', v.integer(1, 1_000_000, 10_000)),
    rateLimit: read('AUTH_RATE_LIMIT', v.oneOf(['on', 'off'], 'on')) !== 'off',
    limits: Object.freeze(readLimits(read)),
    /** Seconds. */
    drain: read('AUTH_DRAIN', v.integer(0, 300, production ? 5 : 0)),
    shutdownGrace: read('AUTH_SHUTDOWN_GRACE', v.integer(0, 300, 10)),
    actionSecret: read('AUTH_ACTION_SECRET', v.secret),
    /** The secret that `/webhook` requires; undefined for no secret. */
    webhookSecret: read('AUTH_WEBHOOK_SECRET', v.secret),
    /** Bytes; 0 means no cache. */
    webhookCache: read('AUTH_WEBHOOK_CACHE', v.integer(0, 1024, 16)) * 1024 * 1024,
    metrics: read('AUTH_METRICS', v.flag(false)),
    /** The port of the metrics alone; undefined for the port of all other routes. */
    metricsPort: read('AUTH_METRICS_PORT', v.integer(0, 65535, undefined)),
    pages: readPages(read),
    /** The API reference at `/docs` and `/openapi.json`. */
    docs: read('AUTH_DOCS', v.flag(true)),
    logLevel: read('LOG_LEVEL', v.logLevel),
    /** The URL of the OTLP collector for traces; undefined switches traces off. */
    tracesEndpoint: readTracesEndpoint(),
    /** True traces also the requests of probes and of Prometheus. */
    traceProbes: read('AUTH_TRACE_PROBES', v.flag(false)),
    /** Unknown variables that begin with `AUTH_`, such as misspelled ones. */
    unknownVariables: Object.keys(env).filter(
      (name) => name.startsWith('AUTH_') && !known.has(name) && !isFormer(name),
    ),
    /** Variables whose valid value is in quotation marks, which `docker run --env-file` keeps. */
    quotedVariables: quoted,
  }
  const others = [...known].filter((name) => !ofProviders.has(name))
  problems.push(...findReservedNames(env, names, others))
  if (config.confirmSignIn && !config.pages)
    problems.push('AUTH_CONFIRM_SIGNIN requires AUTH_PAGES=true, because a page asks for the click')
  if ([...(config.pages?.apps?.keys() ?? [])].some((target) => !isAllowedTarget(target, redirectOrigins)))
    problems.push('AUTH_PAGES_APPS must name only targets that AUTH_REDIRECT_ORIGINS allows')
  if (config.pages?.logoDark !== undefined && config.pages.logo === undefined)
    problems.push('AUTH_PAGES_LOGO_DARK requires AUTH_PAGES_LOGO, the logo of all other browsers')
  if (config.metricsPort !== undefined && config.metrics === false)
    problems.push('AUTH_METRICS_PORT requires AUTH_METRICS=true')
  if (config.metricsPort === port && port > 0)
    problems.push('AUTH_METRICS_PORT must be another port than PORT')
  if (config.cookieMode && publicUrl !== undefined && !isSecure(publicUrl))
    problems.push('AUTH_COOKIE_MODE requires an AUTH_PUBLIC_URL with https: or the host localhost')
  if (config.passwordApi === false && config.pages === null)
    problems.push('AUTH_PASSWORD_API=false requires AUTH_PAGES=true: users type their passwords on the pages')
  if (workers > 1 && !isGiven('DATABASE_URL', env))
    problems.push(
      'WEB_CONCURRENCY must be 1 without DATABASE_URL: only one process can open the embedded database',
    )
  const former = findFormer(env, known, {
    defaultRole: config.roles.defaultRole,
    passwordMinLength: config.passwordMinLength,
    accessTokenLifetime: config.accessTokenLifetime,
    sessionIdleLifetime: idle,
  })
  problems.push(...former.problems)
  if (problems.length > 0) throw new ConfigError(problems)
  /** Variables of other servers whose values restricted nothing. */
  const formerVariables = Object.freeze(former.warnings)
  return Object.freeze({ ...config, formerVariables })

  function readDatabaseUrl(name: string): string | undefined {
    const url = read(name, v.databaseUrl)
    const sslmode = read('PGSSLMODE', v.sslmode)
    return url === undefined || sslmode === undefined ? url : withDefaultSslmode(url, sslmode)
  }

  function readTracesEndpoint(): string | undefined {
    const base = read('OTEL_EXPORTER_OTLP_ENDPOINT', v.endpointUrl)
    const traces = read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', v.endpointUrl)
    if (read('OTEL_SDK_DISABLED', v.flag(false))) return undefined
    return traces ?? (base && `${base.replace(/\/+$/, '')}/v1/traces`)
  }

  function readAnonymousRole(): string | null {
    if (env.AUTH_ANONYMOUS_ROLE === '') {
      known.add('AUTH_ANONYMOUS_ROLE')
      return null
    }
    return read('AUTH_ANONYMOUS_ROLE', v.role('anonymous', false))
  }
}

/** Returns true when browsers accept a Secure cookie of this URL: with https, or on localhost without TLS. */
function isSecure(publicUrl: string): boolean {
  const { protocol, hostname } = new URL(publicUrl)
  return protocol === 'https:' || hostname === 'localhost'
}

/** Reads the rate limits: each is a number of points and a window in seconds. */
function readLimits(read: Read): LimitSettings {
  const limit = (number: string, points: number, window: string, seconds: number) => ({
    points: read(number, v.integer(1, 1_000_000, points)),
    seconds: read(window, v.integer(1, 86_400, seconds)),
  })
  return {
    login: limit('AUTH_LOGIN_FAILURES', 10, 'AUTH_LOGIN_WINDOW', 300),
    account: limit('AUTH_ACCOUNT_FAILURES', 50, 'AUTH_ACCOUNT_WINDOW', 3600),
    address: limit('AUTH_ADDRESS_FAILURES', 100, 'AUTH_ADDRESS_WINDOW', 300),
    signup: limit('AUTH_SIGNUP_ATTEMPTS', 60, 'AUTH_SIGNUP_WINDOW', 3600),
    refresh: limit('AUTH_REFRESH_ATTEMPTS', 1000, 'AUTH_REFRESH_WINDOW', 300),
    callback: limit('AUTH_CALLBACK_ATTEMPTS', 100, 'AUTH_CALLBACK_WINDOW', 300),
    continue: limit('AUTH_CONTINUE_ATTEMPTS', 100, 'AUTH_CONTINUE_WINDOW', 300),
  }
}
