import { readdir } from 'node:fs/promises'
import * as z from 'zod'
import type { ProviderNames } from '../config/providers.ts'
import { isIssuer } from '../config/values.ts'
import { isOpenId, type PasswordProvider, type Provider } from './provider.ts'

const path = z.string().regex(/^[MLHVCSQTAZ\d\s,.-]{1,2000}$/i, 'icon must be the data of an SVG path')
const fill = z
  .string()
  .regex(
    /^(#[\da-f]{6}|currentColor)$/i,
    'icon must be filled with a colour such as #1a73e8, or currentColor',
  )

const common = {
  name: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/),
  label: z.string().min(1),
  icon: z.union([path, z.array(z.strictObject({ path, fill })).min(1).max(20)]).optional(),
}

const strategy = z.custom((value) => typeof value === 'function', 'strategy must be a function')
const identity = z.custom((value) => typeof value === 'function', 'identity must be a function')
const redirecting = { ...common, flow: z.literal('redirect'), scope: z.array(z.string()) }
const oauthSchema = z
  .object({
    ...redirecting,
    strategy,
    identity,
    issuer: z.string().optional(),
    idTokens: z.literal(true).optional(),
  })
  .refine(({ issuer, idTokens }) => !idTokens || issuer !== undefined, {
    path: ['idTokens'],
    message: 'requires an issuer',
  })
const endpoint = z.url({ protocol: /^https?$/ })
const endpointsSchema = z.object({
  ...redirecting,
  endpoints: z.strictObject({
    authorization: endpoint,
    token: endpoint,
    profile: endpoint,
    emails: endpoint.optional(),
    clientAuthentication: z.enum(['body', 'basic']).optional(),
    parameters: z.custom((value) => typeof value === 'function', 'parameters must be a function').optional(),
  }),
  identity,
})
const openIdSchema = z.object({
  ...redirecting,
  issuer: z.string('has neither a strategy nor an issuer').refine(isIssuer, 'must be an issuer identifier'),
  scope: redirecting.scope.refine((scope) => scope.includes('openid'), 'must have openid'),
  strategy: z.undefined().optional(),
  identity: identity.optional(),
  parameters: z.record(z.string(), z.string()).optional(),
  without: z.array(z.enum(['nonce', 'pkce', 'userinfo'])).optional(),
  responseMode: z.literal('form_post').optional(),
  clientSecret: z.literal('signed').optional(),
  tenants: z.strictObject({ of: z.array(z.string()), issuer: z.string().includes('{tenantid}') }).optional(),
})
const passwordSchema = z.object({ ...common, flow: z.literal('password'), strategy })

/**
 * Loads every provider file of a folder, sorted by name. A new file is enough to add a provider. Throws for a file
 * whose default export is not a provider, or has another name than the file. Throws unless exactly one provider checks
 * passwords.
 */
export async function loadProviders(folder: URL): Promise<Provider[]> {
  const files = (await readdir(folder)).filter((file) => /^[^.]+\.(js|ts)$/.test(file)).sort()
  const providers = await Promise.all(files.map((file) => loadProvider(new URL(file, folder), file)))
  findPasswordProvider(providers)
  return providers
}

/** Returns the password provider, for `POST /login`. Throws unless there is exactly one. */
export function findPasswordProvider(providers: readonly Provider[]): PasswordProvider {
  const [found, ...others] = providers.filter((provider) => provider.flow === 'password')
  if (found === undefined)
    throw new Error("providers/ has no file with flow: 'password'. Add one, because POST /login requires it")
  if (others.length > 0) {
    const names = [found, ...others].map(({ name }) => name).join(', ')
    throw new Error(
      `providers/ has several files with flow: 'password': ${names}. Keep one, because POST /login uses only one`,
    )
  }
  return found
}

/** Returns the names of provider files by their kinds, for `parseConfig`. */
export function namesByKind(providers: readonly Provider[]): ProviderNames {
  const namesOf = (isOfKind: (provider: Provider) => boolean) =>
    providers.filter(isOfKind).map(({ name }) => name)
  return {
    oauth: namesOf((provider) => provider.flow === 'redirect' && !isOpenId(provider)),
    openId: namesOf(isOpenId),
    idTokens: namesOf(
      (provider) => provider.flow === 'redirect' && !isOpenId(provider) && provider.idTokens === true,
    ),
    password: namesOf(({ flow }) => flow === 'password'),
    signed: namesOf((provider) => isOpenId(provider) && provider.clientSecret === 'signed'),
  }
}

async function loadProvider(url: URL, file: string): Promise<Provider> {
  const { default: provider } = await importFile(url, file)
  const result = schemaOf(provider).safeParse(provider)
  if (!result.success)
    throw new Error(`providers/${file} is not a provider: ${z.prettifyError(result.error)}`)
  if (!file.startsWith(`${result.data.name}.`)) {
    throw new Error(
      `providers/${file} has the name ${result.data.name}. Give the file and the provider the same name`,
    )
  }
  return provider as Provider
}

/** Returns the schema for the kind of a provider. */
function schemaOf(provider: unknown): z.ZodType<{ name: string }> {
  const { flow, strategy, endpoints } = z.looseObject({}).catch({}).parse(provider)
  if (flow === 'password') return passwordSchema
  if (endpoints !== undefined) return endpointsSchema
  return strategy === undefined ? openIdSchema : oauthSchema
}

async function importFile(url: URL, file: string): Promise<{ default?: unknown }> {
  try {
    return await import(url.href)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`providers/${file} cannot be loaded: ${reason}`, { cause })
  }
}
