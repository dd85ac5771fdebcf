import { findExcessiveCost, isUsableHash } from '../authentication/password-hash-format.ts'
import { isOpenId, metadataIssuerOf } from '../authentication/provider.ts'
import { allProviders, callbackUrl, configuredProviders } from '../authentication/strategies.ts'
import { createHasuraClaims } from '../claims/hasura-claims.ts'
import type { Config } from '../config/config.ts'
import { environmentPrefix } from '../config/providers.ts'
import { findMissingRoles } from '../config/warnings.ts'
import { parseConnectionString } from '../database/connection-string.ts'
import type { Subscription } from '../database/listener.ts'
import { describeVersion, readVersion } from '../database/version.ts'
import { type Check, failed, ok, skipped } from '../doctor/check.ts'
import {
  checkClock,
  checkConfiguration,
  checkHashes,
  checkKeys,
  checkMigrations,
  checkNotifications,
  checkProviders,
  checkSecrets,
  checkWarnings,
  type DatabaseState,
} from '../doctor/deployment.ts'
import { checkPublicUrl, checkWebhook, readPage } from '../doctor/gateway.ts'
import { checkJwks } from '../doctor/jwks.ts'
import { examineOpenId } from '../doctor/openid.ts'
import { ConfigError } from '../errors.ts'
import { warnOfLength } from '../http/header-size.ts'
import { createFetch } from '../http/proxy-fetch.ts'
import { findPending } from '../migrations/migrate.ts'
import { findProblems } from '../migrations/requirements.ts'
import { connectDeployment, type Deployment } from '../process/deployment.ts'
import { loadSettings, type Settings } from '../process/settings.ts'
import { root } from '../root.ts'
import { findMostGrants } from '../stores/access.ts'
import { createProviderRoles } from '../stores/provider-roles.ts'
import { createRoles } from '../stores/roles.ts'
import { findHashSamples } from '../stores/users.ts'
import { estimateLength } from '../tokens/access-token.ts'
import { openKey } from '../tokens/encrypted-key.ts'
import type { KeyPair } from '../tokens/key-pair.ts'
import { type CommandContext, hasDatabase } from './context.ts'
import { explainOpen } from './failure.ts'

/** The findings that later checks need; null if unknown. */
export type Found = {
  config: Config | null
  signingKey: KeyPair | null
  roles: string[] | null
  /** The schema of the gateway's tables. */
  schema: string | null
  /** Returns the database's time; the process's when the database was not read. */
  clock: () => Date
}

// In milliseconds.
const timeout = 5000
const processClock = () => new Date()
const namesOfDatabase = ['database', 'notifications', 'clock', 'keys']

/** Checks the deployment without Hasura. Calls `hasuraSecret` after `.env` is loaded. */
export async function examineDeployment(
  context: CommandContext,
  hasuraSecret: () => string | undefined,
): Promise<{ checks: Check[]; found: Found }> {
  let settings: Settings
  try {
    settings = await loadSettings(context.process)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const check = failed('configuration', error.problems.join('; '), 'correct these variables')
    const found = { config: null, signingKey: null, roles: null, schema: null, clock: processClock }
    const untried = [...namesOfDatabase, 'public URL', 'jwks', 'webhook']
    return { checks: [check, ...untried.map((name) => skipped(name, 'no valid configuration'))], found }
  }
  const { config, providers, warnings } = settings
  const secrets = {
    AUTH_SECRET: config.secret,
    DATABASE_URL: config.databaseUrl && parseConnectionString(config.databaseUrl).password,
    HASURA_GRAPHQL_ADMIN_SECRET: hasuraSecret(),
  }
  const inside = await examineDatabase(context, config)
  const states = allProviders(providers, config.providers)
    .filter(({ flow }) => flow === 'redirect')
    .map(({ name, label }) => ({
      label,
      callbackUrl: callbackUrl(config.publicUrl, name),
      isConfigured: config.providers.has(name),
    }))
  const kid = config.keyPair?.kid ?? inside.signingKey?.kid ?? (inside.hasNoKey ? null : undefined)
  const checks = [
    ok('version', describeVersion(readVersion(root))),
    checkConfiguration(config.unknownVariables),
    checkSecrets(secrets, config.publicUrl),
    ...checkWarnings(warnings),
    ...inside.checks,
    ...(await examineGateway(config, kid)),
    ...checkProviders(states),
    ...(await examineOpenIdProviders(settings, inside.clock)),
  ]
  const { signingKey, roles, schema, clock } = inside
  return { checks, found: { config, signingKey, roles, schema, clock } }
}

type Inside = { checks: Check[]; hasNoKey?: boolean } & Omit<Found, 'config'>

async function examineDatabase(context: CommandContext, config: Config): Promise<Inside> {
  const unread = 'the database was not read'
  const rest = namesOfDatabase.slice(1).map((name) => skipped(name, unread))
  const without = (check: Check): Inside => ({
    checks: [check, ...rest],
    signingKey: config.keyPair,
    roles: null,
    schema: null,
    clock: processClock,
  })
  if (!(await hasDatabase(config)))
    return without(failed('database', `none in ${config.dataDir}`, 'start the gateway, or set DATABASE_URL'))
  let deployment: Deployment | undefined
  try {
    deployment = await connectDeployment(config, root, await context.loadLog())
    const { database } = deployment
    const problems = await findProblems(database, () => findPending(database, root))
    if (problems.length === 0) return await readDatabase(deployment, config)
    const [first, ...others] = problems.map(({ detail, cure }) => failed('database', detail, cure))
    const unread = without(first as Check)
    return { ...unread, checks: [...others, ...unread.checks] }
  } catch (error) {
    const start = config.databaseUrl === undefined ? 'restart the gateway, or' : 'start the server, and'
    const { reason, cure = `${start} set DATABASE_URL to the address of a server` } = explainOpen(error)
    return without(failed('database', `it cannot be opened: ${reason}`, cure))
  } finally {
    await deployment?.close()
  }
}

async function readDatabase(
  { database, databaseClock, keySettings }: Deployment,
  config: Config,
): Promise<Inside> {
  const schema = await database.schema()
  const pending = await findPending(database, root)
  const [server] = await database.query<Pick<DatabaseState, 'version' | 'name' | 'encoding'>>(
    describeServer,
    [],
  )
  await databaseClock.measure()
  const state = { ...(server as NonNullable<typeof server>), isPooled: await database.isPooled?.(), schema }
  const checks = [
    checkMigrations(pending, state),
    checkNotifications(await listenOnce(database)),
    checkClock(databaseClock.skew()),
  ]
  if (pending.length > 0)
    return {
      checks: [...checks, skipped('keys', 'not migrated')],
      signingKey: config.keyPair,
      roles: null,
      schema,
      clock: databaseClock.now,
    }
  const { store, encryptionKeys } = keySettings
  const stored = await store.list()
  const opened = stored.map((key) => ({
    ...key,
    pair:
      encryptionKeys.map((encryptionKey) => openKey(key, encryptionKey)).find((pair) => pair !== null) ??
      null,
  }))
  const keys = opened.map(({ kid, state, pair }) => ({ kid, state, opens: pair !== null }))
  const missingRoles = await findMissingRoles(config, createProviderRoles(database).findMissing)
  const active = opened.find(({ state }) => state === 'active')?.pair ?? null
  return {
    checks: [
      ...checks,
      checkKeys(keys, config.keyPair?.kid ?? null),
      await examineTokens(database, config),
      await examineHashes(database),
      ...missingRoles.map((warning): Check => ({ ...warning, status: 'warning' })),
    ],
    signingKey: config.keyPair ?? active,
    roles: (await createRoles(database).list()).map(({ name }) => name),
    schema,
    clock: databaseClock.now,
    hasNoKey: stored.length === 0,
  }
}

const describeServer = {
  name: 'doctor_server',
  text: `SELECT current_setting('server_version') AS version, current_database()::text AS name,
    current_setting('server_encoding') AS encoding`,
}

/** Listens until the connection for notifications is open or fails. Returns the reason of a failure, or null. */
async function listenOnce(database: Deployment['database']): Promise<unknown> {
  let subscription: Subscription | undefined
  const reason = await new Promise<unknown>((resolve) => {
    subscription = database.listen('claimgate_doctor', {
      onMessage: () => {},
      onReconnect: () => resolve(null),
      onDisconnect: resolve,
    })
  })
  await subscription?.close()
  return reason
}

/** Checks the configured OpenID providers over the network. */
async function examineOpenIdProviders(
  { config, providers }: Settings,
  clock: () => Date,
): Promise<readonly Check[]> {
  const openId = configuredProviders(providers, config.providers).filter(isOpenId)
  const fetch = await createFetch(config.proxies)
  const read = (url: string) => readPage(fetch, url, timeout)
  const checks = openId.map((provider) => {
    const { name, label, issuer, scope } = provider
    const settings = config.providers.get(name)
    const state = {
      label,
      prefix: environmentPrefix(name),
      issuer,
      metadataIssuer: metadataIssuerOf(provider),
      clientId: settings?.clientId ?? '',
      callbackUrl: callbackUrl(config.publicUrl, name),
      scope: settings?.scope ?? scope,
    }
    return examineOpenId(state, { read, clock })
  })
  return (await Promise.all(checks)).flat()
}

async function examineTokens(database: Deployment['database'], config: Config): Promise<Check> {
  const name = 'token size'
  try {
    const most = await findMostGrants(database)
    const length = most && estimateLength(most.username, createHasuraClaims(most, config.roles), config)
    const warning = length === null ? undefined : warnOfLength(length)
    if (warning === undefined) return ok(name, 'servers usually accept the longest access token')
    const [detail = '', cure = ''] = warning.split('; ')
    return { name, status: 'warning', detail: `of ${JSON.stringify(most?.username)}: ${detail}`, cure }
  } catch {
    return skipped(name, 'roles and claims were not read')
  }
}

async function examineHashes(database: Deployment['database']): Promise<Check> {
  let usable = 0
  const unusable = new Map<string, number>()
  try {
    for (const { hash, users } of await findHashSamples(database)) {
      const reason = findExcessiveCost(hash) ?? 'unknown format'
      if (isUsableHash(hash)) usable += users
      else unusable.set(reason, (unusable.get(reason) ?? 0) + users)
    }
  } catch {
    return skipped('password hashes', 'the hashes were not read')
  }
  return checkHashes(usable, unusable)
}

async function examineGateway(config: Config, kid: string | null | undefined): Promise<Check[]> {
  const { publicUrl, proxies } = config
  const fetch = await createFetch(proxies)
  const read = (path: string, headers?: Record<string, string>) =>
    readPage(fetch, publicUrl + path, timeout, headers)
  const reached = checkPublicUrl(publicUrl, await read('/healthz'))
  if (reached.status !== 'ok') {
    const unread = 'the gateway was not reached'
    return [reached, skipped('jwks', unread), skipped('webhook', unread)]
  }
  const { webhookSecret, roles } = config
  // A header value is Latin-1, and the secret is UTF-8.
  const shared = webhookSecret && { 'X-Webhook-Secret': Buffer.from(webhookSecret).toString('latin1') }
  const [jwks, anonymous, forged, stranger] = await Promise.all([
    read('/jwks'),
    read('/webhook', { ...shared }),
    read('/webhook', { ...shared, Authorization: 'Bearer e30.e30.e30' }),
    shared ? read('/webhook') : null,
  ])
  return [reached, checkJwks(jwks, kid), checkWebhook(anonymous, forged, roles.anonymousRole, stranger)]
}
