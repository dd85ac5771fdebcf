import { decodeJwt, decodeProtectedHeader } from 'jose'
import * as z from 'zod'

const placeholder = '{tenantid}'
const tenantClaims = z.looseObject({ tid: z.guid() })
const keySet = z.looseObject({
  keys: z.array(z.looseObject({ kid: z.string().optional(), issuer: z.string().optional() })),
})

/**
 * Returns the issuer that an ID token must have: that of the metadata, in which the tenant of the token replaces
 * `{tenantid}`. Nothing of the token is checked here.
 */
export function issuerOfToken(issuer: string, idToken: string): string {
  if (!issuer.includes(placeholder)) return issuer
  return issuer.replace(placeholder, tenantClaims.parse(decodeJwt(idToken)).tid)
}

/**
 * Keeps the issuers to which the keys of a JWKS belong. Microsoft names them, so that the key of one kind of account
 * signs no token of another.
 */
export function createKeyIssuers() {
  let issuers: ReadonlyMap<string | undefined, string | undefined> = new Map()
  return {
    /** Reads the issuers of a JWKS, and returns the JWKS. */
    keep(jwks: unknown): unknown {
      const found = keySet.safeParse(jwks)
      issuers = new Map(found.success ? found.data.keys.map(({ kid, issuer }) => [kid, issuer]) : [])
      return jwks
    },
    /** Throws for a token whose key belongs to another issuer than those. */
    require(idToken: string, allowed: readonly string[]): void {
      const issuer = issuers.get(decodeProtectedHeader(idToken).kid)
      if (issuer !== undefined && !allowed.includes(issuer))
        throw new Error('ID token: the key belongs to another issuer')
    },
  }
}
