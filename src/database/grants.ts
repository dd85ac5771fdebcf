import type { Grants } from '../claims/hasura-claims.ts'
import { parseAccess, selectAccess } from './access.ts'
import type { Database } from './database.ts'

// The statement of every session, about one that does not exist: what it says of a user is what a session would say.
const grants = {
  name: 'user_grants',
  text: selectAccess(`s AS (
    SELECT gen_random_uuid() AS id, $1::uuid AS user_id, 0 AS counter, now() AS idle_expires_at, now() AS expires_at)`),
}

/** What the claims of a user would be made of if they signed in now; null when they are not active or do not exist. */
export async function findGrants({ query }: Pick<Database, 'query'>, userId: string): Promise<Grants | null> {
  return parseAccess(await query(grants, [userId]))
}
