import type { KeyObject } from 'node:crypto'
import type * as z from 'zod'
import type { RoleMapping } from '../claims/provider-roles.ts'
import * as v from './values.ts'

/** The settings of one provider. */
export type ProviderSettings = {
  clientId: string
  /** The client ids of native apps, whose ID tokens count too. */
  clientIds?: readonly string[]
  /** Undefined for a public client of an OpenID provider. */
  clientSecret?: string
  /** Signs the client secrets of a provider that takes JWTs. */
  signing?: { teamId: string; keyId: string; privateKey: KeyObject }
  /** The text of the button. */
  label?: string
  scope?: string[]
  /** More parameters of the authorization request. */
  parameters?: Readonly<Record<string, string>>
  authorizationUrl?: string
  tokenUrl?: string
  profileUrl?: string
  emailsUrl?: string
  issuer?: string
  /** The roles that the claims of an OpenID provider give. */
  roles?: RoleMapping
}

/**
 * The names of the provider files: with OAuth 2.0, with an issuer alone, and with passwords. `signed` has those of the
 * second kind whose client secret is signed, and `idTokens` those of the first kind whose issuer signs ID tokens.
 */
export type ProviderNames = Readonly<Record<'oauth' | 'openId' | 'password', readonly string[]>> & {
  readonly signed?: readonly string[]
  readonly idTokens?: readonly string[]
}

/** Reads one variable by its schema, and adds a problem for an invalid value. */
export type Read = <T>(name: string, schema: z.ZodType<T, string | undefined>) => T

type Source = {
  read: Read
  env: Readonly<Record<string, string | undefined>>
  problems: string[]
  names: ProviderNames
  /** True for NODE_ENV=production. */
  production: boolean
}

// The first words of variables that later versions may read, and of the flows that are not redirects.
const futureWords = new Set(
  'ADMIN EMAIL EVENT FACTOR GUEST GUESTS LEVEL2 LOCAL MAIL PASSKEY PASSKEYS RP SECOND SMTP'.split(' '),
)

/**
 * Reads the settings of the configured providers, by name: those of provider files, and those of OpenID providers that
 * `AUTH_<NAME>_ISSUER` alone makes. Adds incomplete settings to `problems`.
 */
export function readProviders({
  read,
  env,
  problems,
  names,
  production,
}: Source): ReadonlyMap<string, ProviderSettings> {
  const files = [...names.oauth, ...names.openId, ...names.password]
  const others = findIssuers(env).filter((name) => !files.includes(name))
  const issuer = v.issuerUrl(production)
  return new Map(
    [...names.oauth, ...names.openId, ...others].sort().flatMap((name) => {
      const prefix = environmentPrefix(name)
      const settings = names.oauth.includes(name)
        ? readOAuth(read, problems, prefix, { env, hasIdTokens: names.idTokens?.includes(name) ?? false })
        : readOpenId(read, problems, prefix, { issuerUrl: issuer, isSigned: names.signed?.includes(name) })
      return settings ? [[name, settings] as const] : []
    }),
  )
}

/** Returns a problem for each issuer that names its provider like a variable of `known`, or like a password provider. */
export function findReservedNames(
  env: Source['env'],
  { oauth, openId, password }: ProviderNames,
  known: readonly string[],
): string[] {
  return findIssuers(env)
    .filter((name) => !oauth.includes(name) && !openId.includes(name))
    .filter((name) => {
      const prefix = environmentPrefix(name)
      const isKnown = known.some((variable) => `${variable}_`.startsWith(`${prefix}_`))
      return isKnown || password.includes(name) || futureWords.has(prefix.split('_')[1] ?? '')
    })
    .map(
      (name) =>
        `${environmentPrefix(name)}_ISSUER needs another name than ${name}: the gateway has, or reserves, variables that begin with ${environmentPrefix(name)}`,
    )
}

/** Returns the names of the providers whose issuer has a value, sorted. */
function findIssuers(env: Source['env']): string[] {
  return Object.entries(env)
    .flatMap(([variable, value]) => {
      const [, name] = /^AUTH_([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)_ISSUER$/.exec(variable) ?? []
      return value && name !== undefined && name.length <= 40 ? [name.toLowerCase().replaceAll('_', '-')] : []
    })
    .sort()
}

/** Returns the prefix of a provider's variables: `AUTH_GITHUB` for `github`. */
export function environmentPrefix(provider: string): string {
  return `AUTH_${provider.toUpperCase().replaceAll('-', '_')}`
}

/** Reads the variables that every redirect provider has. */
function readCommon(read: Read, prefix: string, isSigned = false) {
  return {
    clientId: read(`${prefix}_CLIENT_ID`, v.optionalText(1000)),
    clientSecret: isSigned ? undefined : read(`${prefix}_CLIENT_SECRET`, v.optionalText(1000)),
    label: read(`${prefix}_LABEL`, v.label),
    scope: read(`${prefix}_SCOPE`, v.scope),
    parameters: read(`${prefix}_PARAMETERS`, v.parameters),
  }
}

function readOpenId(
  read: Read,
  problems: string[],
  prefix: string,
  {
    issuerUrl,
    isSigned = false,
  }: { issuerUrl: z.ZodType<string | undefined, string | undefined>; isSigned: boolean | undefined },
): ProviderSettings | null {
  const issuer = read(`${prefix}_ISSUER`, issuerUrl)
  const { clientId, ...common } = readCommon(read, prefix, isSigned)
  const signing = isSigned ? readSigning(read, problems, prefix, clientId !== undefined) : undefined
  const optional = {
    ...common,
    clientIds: read(`${prefix}_CLIENT_IDS`, v.clientIds),
    roles: readRoleMapping(read, problems, prefix),
  }
  if (optional.scope && !optional.scope.includes('openid'))
    problems.push(`${prefix}_SCOPE must have openid, without which the provider sends no ID token`)
  if (clientId !== undefined) return { clientId, ...withoutUndefined({ ...optional, issuer, signing }) }
  const [given] = Object.entries({
    ISSUER: issuer,
    CLIENT_SECRET: optional.clientSecret,
    PRIVATE_KEY: signing,
  })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name)
  if (given !== undefined && !isReported(problems, `${prefix}_CLIENT_ID`))
    problems.push(`${prefix}_CLIENT_ID must be set too: ${prefix}_${given} is set`)
  return null
}

/** Reads the key that signs the client secrets. Adds a problem for a part of it, or when the client id has no key. */
function readSigning(read: Read, problems: string[], prefix: string, hasClient: boolean) {
  const teamId = read(`${prefix}_TEAM_ID`, v.optionalText(100))
  const keyId = read(`${prefix}_KEY_ID`, v.optionalText(100))
  const privateKey = read(`${prefix}_PRIVATE_KEY`, v.p256Key)
  if (teamId !== undefined && keyId !== undefined && privateKey !== undefined)
    return { teamId, keyId, privateKey }
  const parts = Object.entries({ TEAM_ID: teamId, KEY_ID: keyId, PRIVATE_KEY: privateKey })
  if (!hasClient && parts.every(([, value]) => value === undefined)) return undefined
  for (const [name, value] of parts) {
    if (value === undefined && !isReported(problems, `${prefix}_${name}`))
      problems.push(`${prefix}_${name} must be set too: the gateway signs the client secret itself`)
  }
  return undefined
}

/** Reads where an OpenID provider has the groups or roles of a user. */
function readRoleMapping(read: Read, problems: string[], prefix: string): RoleMapping | undefined {
  const claim = read(`${prefix}_ROLES_CLAIM`, v.roleClaim)
  const roles = read(`${prefix}_ROLES`, v.roleMap)
  if (claim !== undefined) return { claim, ...withoutUndefined({ roles }) }
  if (roles !== undefined && !isReported(problems, `${prefix}_ROLES_CLAIM`))
    problems.push(
      `${prefix}_ROLES_CLAIM must be set too: it names the claim with the values of ${prefix}_ROLES`,
    )
  return undefined
}

function readOAuth(
  read: Read,
  problems: string[],
  prefix: string,
  { env, hasIdTokens }: { env: Source['env']; hasIdTokens: boolean },
): ProviderSettings | null {
  const given = Object.keys(env).filter((name) => env[name])
  for (const name of given.filter((each) => [`${prefix}_ROLES_CLAIM`, `${prefix}_ROLES`].includes(each)))
    problems.push(
      `${name} requires an OpenID provider, and the file of this provider does not speak OpenID Connect: unset it`,
    )
  if (given.includes(`${prefix}_CLIENT_IDS`) && !hasIdTokens)
    problems.push(`${prefix}_CLIENT_IDS requires a provider that signs ID tokens: unset it`)
  const { clientId, clientSecret, ...common } = readCommon(read, prefix)
  const optional = {
    ...common,
    ...(hasIdTokens && { clientIds: read(`${prefix}_CLIENT_IDS`, v.clientIds) }),
    authorizationUrl: read(`${prefix}_AUTHORIZATION_URL`, v.endpointUrl),
    tokenUrl: read(`${prefix}_TOKEN_URL`, v.endpointUrl),
    profileUrl: read(`${prefix}_PROFILE_URL`, v.endpointUrl),
    emailsUrl: read(`${prefix}_EMAILS_URL`, v.endpointUrl),
    issuer: read(`${prefix}_ISSUER`, v.optionalText(1000)),
  }
  requireOneServer(problems, prefix, optional)
  if ((clientId === undefined) !== (clientSecret === undefined)) {
    const missing = clientId === undefined ? 'CLIENT_ID' : 'CLIENT_SECRET'
    if (!isReported(problems, `${prefix}_${missing}`))
      problems.push(`${prefix}_${missing} must be set too: set both or neither`)
  }
  if (clientId === undefined || clientSecret === undefined) return null
  return { clientId, clientSecret, ...withoutUndefined(optional) }
}

/** Returns true when an invalid value, or a file that cannot be used, has been reported. */
function isReported(problems: readonly string[], variable: string): boolean {
  return problems.some((problem) => problem.startsWith(variable))
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> }

function withoutUndefined<T extends object>(members: T): Defined<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Defined<T>
}

/** Requires all endpoints of a provider or none: a mixture would send the secret or tokens of one server to another. */
function requireOneServer(
  problems: string[],
  prefix: string,
  {
    authorizationUrl,
    tokenUrl,
    profileUrl,
    emailsUrl,
  }: Record<'authorizationUrl' | 'tokenUrl' | 'profileUrl' | 'emailsUrl', string | undefined>,
): void {
  const needed = { AUTHORIZATION_URL: authorizationUrl, TOKEN_URL: tokenUrl, PROFILE_URL: profileUrl }
  if (![...Object.values(needed), emailsUrl].some((url) => url !== undefined)) return
  for (const [name, url] of Object.entries(needed)) {
    // An invalid value has been reported as invalid.
    const isReported = problems.some((problem) => problem.startsWith(`${prefix}_${name} `))
    if (url === undefined && !isReported)
      problems.push(
        `${prefix}_${name} must be set too: set AUTHORIZATION_URL, TOKEN_URL and PROFILE_URL, all or none`,
      )
  }
}
