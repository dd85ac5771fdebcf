import type * as z from 'zod'
import * as v from './values.ts'

/** The settings of one provider. */
export type ProviderSettings = {
  clientId: string
  clientSecret: string
  scope?: string[]
  authorizationUrl?: string
  tokenUrl?: string
  profileUrl?: string
  emailsUrl?: string
  issuer?: string
}

/** Reads one variable by its schema, and adds a problem for an invalid value. */
export type Read = <T>(name: string, schema: z.ZodType<T, string | undefined>) => T

/** Reads the settings of the configured providers, by name. Adds incomplete settings to `problems`. */
export function readProviders(
  read: Read,
  problems: string[],
  providers: readonly string[],
): ReadonlyMap<string, ProviderSettings> {
  return new Map(
    providers.flatMap((name) => {
      const settings = readProvider(read, problems, environmentPrefix(name))
      return settings ? [[name, settings] as const] : []
    }),
  )
}

/** Returns the prefix of a provider's variables: `AUTH_GITHUB` for `github`. */
export function environmentPrefix(provider: string): string {
  return `AUTH_${provider.toUpperCase().replaceAll('-', '_')}`
}

function readProvider(read: Read, problems: string[], prefix: string): ProviderSettings | null {
  const clientId = read(`${prefix}_CLIENT_ID`, v.optionalText(1000))
  const clientSecret = read(`${prefix}_CLIENT_SECRET`, v.optionalText(1000))
  const optional = {
    scope: read(`${prefix}_SCOPE`, v.scope),
    authorizationUrl: read(`${prefix}_AUTHORIZATION_URL`, v.endpointUrl),
    tokenUrl: read(`${prefix}_TOKEN_URL`, v.endpointUrl),
    profileUrl: read(`${prefix}_PROFILE_URL`, v.endpointUrl),
    emailsUrl: read(`${prefix}_EMAILS_URL`, v.endpointUrl),
    issuer: read(`${prefix}_ISSUER`, v.optionalText(1000)),
  }
  requireOneServer(problems, prefix, optional)
  if ((clientId === undefined) !== (clientSecret === undefined)) {
    const missing = clientId === undefined ? 'CLIENT_ID' : 'CLIENT_SECRET'
    // An invalid value, or a file that cannot be used, has been reported.
    if (!problems.some((problem) => problem.startsWith(`${prefix}_${missing}`)))
      problems.push(`${prefix}_${missing} must be set too: set both or neither`)
  }
  if (clientId === undefined || clientSecret === undefined) return null
  const given = Object.entries(optional).filter(([, value]) => value !== undefined)
  return { clientId, clientSecret, ...Object.fromEntries(given) }
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
