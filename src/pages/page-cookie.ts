import { z } from 'zod'
import type { Access, Clock, Context } from '../context.ts'
import { createCookie } from '../http/cookie.ts'
import { seal, unseal } from '../tokens/encrypted-payload.ts'
import type { SecretKeys } from '../tokens/secrets.ts'

/** Which session a browser has on our pages, and whether its cookie is sealed with the secret before this one. */
export type PageSession = { sessionId: string; userId: string; isOld: boolean }

export type PageCookie = ReturnType<typeof createPageCookie>

const payloadSchema = z.object({ sessionId: z.guid(), userId: z.guid() })

/**
 * The cookie by which our pages know a browser: session and user, encrypted. No route of the JSON interface looks at it,
 * so no other site can do anything there in the name of whoever is signed in here.
 */
export function createPageCookie(keys: SecretKeys, secure: boolean, clock: Clock) {
  const cookie = createCookie('claimgate', { secure, sameSite: 'lax' })
  const open = async (sealed: string, by: SecretKeys) =>
    payloadSchema.parse(await unseal(sealed, by, clock()))
  return {
    clear: cookie.clear,

    /** Keeps a session until it ends in any case; whether it has ended before, the database says. */
    write: async (ctx: Context, { sessionId, userId, expiresAt }: Access): Promise<void> => {
      const seconds = Math.max(0, Math.floor((expiresAt.getTime() - clock().getTime()) / 1000))
      cookie.write(ctx, await seal({ sessionId, userId }, keys, expiresAt), seconds)
    },

    /** The session of the request; null when there is none, and when its cookie is not ours or too old. */
    read: async (ctx: Context): Promise<PageSession | null> => {
      const sealed = cookie.read(ctx)
      if (sealed === undefined) return null
      try {
        const found = await open(sealed, [keys[0]]).catch(() => null)
        return found ? { ...found, isOld: false } : { ...(await open(sealed, keys)), isOld: true }
      } catch {
        cookie.clear(ctx)
        return null
      }
    },
  }
}
