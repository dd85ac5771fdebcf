import { allowInsecureRequests, customFetch, discovery } from 'openid-client'
import * as z from 'zod'
import type { Clock } from '../context.ts'
import type { ProviderFetch } from './provider-transport.ts'

const endpoint = z.url({ protocol: /^https?$/ })

const metadataSchema = z.looseObject({
  issuer: z.string(),
  authorization_endpoint: endpoint,
  token_endpoint: endpoint,
  jwks_uri: endpoint,
  userinfo_endpoint: endpoint.optional(),
  end_session_endpoint: endpoint.optional().catch(undefined),
  authorization_response_iss_parameter_supported: z.boolean().optional().catch(undefined),
  token_endpoint_auth_methods_supported: z.array(z.string()).optional().catch(undefined),
})

/** The metadata of an OpenID provider (Discovery, section 3). */
export type OpenIdMetadata = z.infer<typeof metadataSchema>

type MetadataOptions = {
  issuer: string
  /** The issuer that the metadata must have. */
  metadataIssuer: string
  fetch: ProviderFetch
  clock: Clock
}

// In milliseconds.
const lifetime = 3_600_000
const pause = 60_000

/**
 * Creates the function that returns the metadata of an issuer. The metadata is requested when it is needed, and again
 * after an hour; when that fails, the known metadata stays, and a minute later the next sign-in requests it again.
 * Throws the errors of the transport, and for metadata of another issuer.
 */
export function createReadMetadata({
  issuer,
  metadataIssuer,
  fetch,
  clock,
}: MetadataOptions): () => Promise<OpenIdMetadata> {
  let known: { metadata: OpenIdMetadata; until: number } | undefined
  let pending: Promise<OpenIdMetadata> | undefined

  async function request(): Promise<OpenIdMetadata> {
    const found = await discovery(new URL(issuer), 'any', undefined, undefined, {
      [customFetch]: fetch,
      ...(issuer.startsWith('http:') && { execute: [allowInsecureRequests] }),
    })
    const metadata = metadataSchema.parse(found.serverMetadata())
    // openid-client compares normalized URLs, and makes an exception for some issuers.
    if (metadata.issuer !== metadataIssuer)
      throw new Error(`The metadata of ${issuer} belongs to the issuer ${metadata.issuer}`)
    requireEncryption(metadata)
    known = { metadata, until: clock().getTime() + lifetime }
    return metadata
  }

  return async function readMetadata() {
    if (known && clock().getTime() < known.until) return known.metadata
    pending ??= request().finally(() => {
      pending = undefined
    })
    if (!known) return pending
    const { metadata } = known
    return pending.catch(() => {
      known = { metadata, until: clock().getTime() + pause }
      return metadata
    })
  }
}

/** Throws for an endpoint without TLS at an issuer with TLS. */
function requireEncryption(metadata: OpenIdMetadata): void {
  if (!metadata.issuer.startsWith('https:')) return
  const names = ['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'userinfo_endpoint'] as const
  const plain = names.find((name) => metadata[name]?.startsWith('http:'))
  if (plain !== undefined) throw new Error(`The metadata of ${metadata.issuer} has an http: URL as ${plain}`)
}
