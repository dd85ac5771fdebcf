import { randomUUID } from 'node:crypto'
import { createHasuraClaims } from '../claims/hasura-claims.ts'
import type { Config } from '../config/config.ts'
import { type Check, failed, ok, skipped } from '../doctor/check.ts'
import { checkAnonymousV3, checkAuthConfig, isGraphql } from '../doctor/hasura-v3.ts'
import { checkExposed, checkRoles, findExposed, findRoles } from '../doctor/permissions.ts'
import { checkAnonymous, checkClaims, checkToken, type WantedSettings } from '../doctor/token.ts'
import { createMetadataApi } from '../hasura/metadata-api.ts'
import {
  type HasuraAddress,
  type HasuraAnswer,
  HasuraError,
  postToHasura,
} from '../hasura/metadata-request.ts'
import { createFetch } from '../http/proxy-fetch.ts'
import { hasuraSecret } from '../process/startup-message.ts'
import { createAccessTokens } from '../tokens/access-token.ts'
import type { KeyPair } from '../tokens/key-pair.ts'
import { createSigningKeys } from '../tokens/keyring.ts'
import type { Found } from './doctor-deployment.ts'
import { toCommandError } from './failure.ts'

const names = {
  hasura: 'Hasura',
  token: 'HASURA_GRAPHQL_JWT_SECRET',
  anonymous: 'anonymous role',
  roles: 'roles',
  exposed: 'secret columns',
  claims: 'AUTH_CLAIMS_VALUES',
}
// In seconds, enough for one request.
const probeLifetime = 30
const probe = { query: '{ __typename }' }

/** Checks Hasura against the findings about the deployment. */
export async function examineHasura(
  endpoint: string | null,
  secret: string | undefined,
  found: Found,
): Promise<Check[]> {
  const skipAll = (why: string) =>
    [names.roles, names.exposed, names.claims, names.token, names.anonymous].map((name) => skipped(name, why))
  if (endpoint === null) return [skipped(names.hasura, 'no --hasura'), ...skipAll('no --hasura')]
  const { config } = found
  if (config === null)
    return [skipped(names.hasura, 'no valid configuration'), ...skipAll('no valid configuration')]
  const address: HasuraAddress = { endpoint, fetch: await createFetch(config.proxies), timeout: 5000 }
  try {
    if (await isV3(address)) return await examineV3(address, found, config)
    if (await isOpen(address)) {
      const cure = 'set HASURA_GRAPHQL_ADMIN_SECRET; Hasura checks no token without it'
      return [
        failed(names.hasura, 'every client is its admin', cure),
        ...skipAll('Hasura authenticates no client'),
      ]
    }
  } catch (error) {
    return [failUnreached(names.hasura, error), ...skipAll('Hasura was not reached')]
  }
  const { check, metadata } = await readMetadata(address, secret)
  const used = metadata === null ? null : findRoles(metadata)
  const attempt = (name: string, ask: () => Promise<Check>) =>
    ask().catch((error) => failUnreached(name, error))
  return [
    check,
    ...compareRoles(config, found.roles, used),
    metadata === null
      ? skipped(names.exposed, 'the metadata was not read')
      : checkExposed(findExposed(metadata, found.schema)),
    checkClaims(config.roles.claimsValues, 2),
    await attempt(names.token, () => tryToken(address, config, found)),
    await attempt(names.anonymous, () => tryAnonymous(address, config, used)),
  ]
}

/** Returns a failed check. A message about an answer ends in its own cure; without an answer, Hasura has to be started. */
function failUnreached(name: string, error: unknown): Check {
  const { message } = toCommandError(error)
  const [, finding = message, cure = 'start Hasura, and set --hasura to its URL'] =
    /^(.*); ((?:check|read|use) [^;]*)$/s.exec(message) ?? []
  return failed(name, finding, cure)
}

const needsMetadata = { type: 'get_inconsistent_metadata', args: {} }

/** Returns true for Hasura v3, which has no metadata API and serves `/graphql`. */
async function isV3(address: HasuraAddress): Promise<boolean> {
  try {
    if ((await postToHasura(address, '/v1/metadata', {}, needsMetadata)).status !== 404) return false
  } catch (error) {
    if (!(error instanceof HasuraError) || error.code !== 'hasura_answer') throw error
  }
  return postToHasura(address, pathOfV3(address), {}, probe).then(isGraphql, () => false)
}

function pathOfV3({ endpoint }: HasuraAddress): string {
  return endpoint.endsWith('/graphql') ? '' : '/graphql'
}

async function examineV3(address: HasuraAddress, found: Found, config: Config): Promise<Check[]> {
  const unread = 'Hasura v3 has no metadata API'
  const send = (headers: Record<string, string>) => postToHasura(address, pathOfV3(address), headers, probe)
  const { publicUrl, issuer, audience, roles } = config
  const wanted = { jwks: `${publicUrl}/jwks`, hook: wantedSettings(config).hook, issuer, audience }
  const answers = found.signingKey && (await sendProbes(send, config, found.signingKey, found.clock))
  return [
    ok(names.hasura, 'reached, version 3: its AuthConfig and permissions cannot be read'),
    skipped(names.roles, unread),
    skipped(names.exposed, unread),
    checkClaims(roles.claimsValues, 3),
    answers === null ? skipped('AuthConfig', 'no signing key') : checkAuthConfig(...answers, wanted),
    checkAnonymousV3(await send({}), roles.anonymousRole),
  ]
}

/** Sends a token, and then the same with an invalid signature. */
async function sendProbes(
  send: (headers: Record<string, string>) => Promise<HasuraAnswer>,
  config: Config,
  key: KeyPair,
  clock: () => Date,
): Promise<[HasuraAnswer, HasuraAnswer]> {
  const token = await signProbe(config, key, clock())
  const sendToken = (bearer: string) => send({ Authorization: `Bearer ${bearer}` })
  return [await sendToken(token), await sendToken(spoil(token))]
}

/** Returns true if Hasura serves its metadata without a secret. */
async function isOpen(address: HasuraAddress): Promise<boolean> {
  return (await postToHasura(address, '/v1/metadata', {}, needsMetadata)).status === 200
}

async function readMetadata(
  address: HasuraAddress,
  secret: string | undefined,
): Promise<{ check: Check; metadata: unknown }> {
  if (secret === undefined)
    return {
      check: ok(names.hasura, 'reached; the metadata was not read, because --hasura-secret is missing'),
      metadata: null,
    }
  let metadata: unknown = null
  try {
    const api = createMetadataApi(address, secret)
    metadata = (await api.export()).metadata
    const problems = await api.findInconsistent()
    if (problems.length === 0)
      return { check: ok(names.hasura, 'reached, with consistent metadata'), metadata }
    const cure = 'repair it on the page "Metadata status" of the console'
    return {
      check: failed(names.hasura, `inconsistent metadata: ${problems.slice(0, 3).join('; ')}`, cure),
      metadata,
    }
  } catch (error) {
    if (!(error instanceof HasuraError) || error.code !== 'hasura_denied')
      return { check: failUnreached(names.hasura, error), metadata }
    const cure = 'set HASURA_GRAPHQL_ADMIN_SECRET to the value of the Hasura process'
    return { check: failed(names.hasura, error.message, cure), metadata }
  }
}

function compareRoles({ roles }: Config, rows: string[] | null, used: Set<string> | null): Check[] {
  if (rows === null || used === null)
    return [skipped(names.roles, rows === null ? 'no database' : 'the metadata was not read')]
  return checkRoles([...rows, roles.defaultRole], used, roles.anonymousRole)
}

async function tryToken(
  address: HasuraAddress,
  config: Config,
  { signingKey: key, clock }: Found,
): Promise<Check> {
  if (key === null) return skipped(names.token, 'no signing key')
  const send = (headers: Record<string, string>) => postToHasura(address, '/v1/graphql', headers, probe)
  return checkToken(...(await sendProbes(send, config, key, clock)), wantedSettings(config))
}

/** Changes the first character of the signature of a token. */
function spoil(token: string): string {
  return token.replace(/[^.](?=[^.]*$)/, (first) => (first === 'A' ? 'B' : 'A'))
}

function wantedSettings(config: Config): WantedSettings {
  const jwtSecret = JSON.stringify(hasuraSecret(config, { jwk_url: `${config.publicUrl}/jwks` }))
  const query = config.webhookSecret === undefined ? '' : '?secret=<AUTH_WEBHOOK_SECRET>'
  return { jwtSecret, hook: `${config.publicUrl}/webhook${query}` }
}

/** Signs a token of an unknown user and an unknown session. */
async function signProbe(config: Config, key: KeyPair, now: Date): Promise<string> {
  const grants = { userId: randomUUID(), defaultRole: null, roles: [], extraClaims: {} }
  const tokens = createAccessTokens(createSigningKeys(key), { ...config, accessTokenLifetime: probeLifetime })
  const subject = {
    username: 'claimgate doctor',
    sessionId: randomUUID(),
    sessionExpiresAt: new Date(now.getTime() + probeLifetime * 1000),
    authTime: now,
    amr: [],
    level: 1,
    claims: createHasuraClaims(grants, config.roles),
  }
  return (await tokens.sign(subject, randomUUID(), now)).token
}

async function tryAnonymous(
  address: HasuraAddress,
  config: Config,
  used: Set<string> | null,
): Promise<Check> {
  const { anonymousRole } = config.roles
  const answer = await postToHasura(address, '/v1/graphql', {}, probe)
  const isUsed = used && anonymousRole !== null && used.has(anonymousRole)
  return checkAnonymous(answer, anonymousRole, isUsed, wantedSettings(config))
}
