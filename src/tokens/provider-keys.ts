import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import * as z from 'zod'
import type { Clock } from '../context.ts'
import { GatewayError } from '../errors.ts'

const keySet = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) })

type KeysOptions = {
  /** Requests the JWKS. */
  read(): Promise<unknown>
  clock: Clock
}

/** Finds the key of a signature by its header. */
export type FindKey = JWTVerifyGetKey

// In milliseconds.
const lifetime = 600_000
const pause = 60_000

/**
 * Creates the function that finds the key of a signature in the JWKS of a provider. The JWKS is requested when it is
 * needed, and again after ten minutes. A token with an unknown `kid` requests it again, at most once a minute; the first
 * request does not count. Throws `JWKSNoMatchingKey` for an unknown key, `provider_error` for an unusable JWKS, and the
 * errors of `read`.
 */
export function createProviderKeys({ read, clock }: KeysOptions): FindKey {
  let known: { find: FindKey; until: number } | undefined
  let pending: Promise<FindKey> | undefined
  let quietUntil = Number.NEGATIVE_INFINITY

  async function request(): Promise<FindKey> {
    const find = parseKeys(await read())
    known = { find, until: clock().getTime() + lifetime }
    return find
  }

  function load(): Promise<FindKey> {
    pending ??= request().finally(() => {
      pending = undefined
    })
    return pending
  }

  return async function findKey(header, token) {
    const now = clock().getTime()
    const find = known && now < known.until ? known.find : await load()
    try {
      return await find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      if (!pending) {
        if (now < quietUntil) throw error
        quietUntil = now + pause
      }
      return (await load())(header, token)
    }
  }
}

function parseKeys(jwks: unknown): FindKey {
  try {
    return createLocalJWKSet(keySet.parse(jwks) as JSONWebKeySet)
  } catch (cause) {
    throw new GatewayError('provider_error', { cause })
  }
}
