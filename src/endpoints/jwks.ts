import type { Middleware } from '../context.ts'

/** Answers with the public keys (RFC 7517), from memory. Hasura fetches them again when `maxAge` seconds are over. */
export function createJwks(keys: { readonly jwks: string }, maxAge: number): Middleware {
  return async function jwks(ctx) {
    ctx.set('Cache-Control', `public, max-age=${maxAge}`)
    ctx.type = 'application/json'
    ctx.body = keys.jwks
  }
}
