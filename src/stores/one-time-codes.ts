import type { Database } from '../database/database.ts'

/** A one-time code as it is stored: bound to a session and, if the client sent one, to a PKCE challenge (RFC 7636). */
export type NewCode = {
  hash: Uint8Array<ArrayBuffer>
  sessionId: string
  codeChallenge: string | null
  expiresAt: Date
}

export type OneTimeCodes = ReturnType<typeof createOneTimeCodes>

const create = {
  name: 'code_create',
  text: 'INSERT INTO {authorization_code} (hash, session_id, code_challenge, expires_at) VALUES ($1, $2, $3, $4)',
}

const consume = {
  name: 'oauth_state_spend',
  text: 'INSERT INTO {oauth_state} (hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true AS spent',
}

/** The tables of what works once: `authorization_code` and `oauth_state`. */
export function createOneTimeCodes({ query }: Pick<Database, 'query'>) {
  return {
    createCode: async (code: NewCode): Promise<void> =>
      void (await query(create, [code.hash, code.sessionId, code.codeChallenge, code.expiresAt])),

    /**
     * Marks the hash of a state or token as used; false when it was used before. One statement: of any number of callers
     * one is first.
     */
    consume: async (hash: Uint8Array, expiresAt: Date): Promise<boolean> =>
      (await query(consume, [hash, expiresAt])).length === 1,
  }
}
