import type { Database } from '../database/database.ts'
import { isConflict } from '../database/failures.ts'

/** Takes back all roles that the provider `$2` granted to the user `$1`, and clears a default role among them. */
export const takeBackAll = `WITH taken AS (
    DELETE FROM {user_role} WHERE user_id = $1::uuid AND provider = $2 RETURNING role_id)
  UPDATE {user} SET default_role_id = NULL
  WHERE id = $1::uuid AND default_role_id IN (SELECT role_id FROM taken)`

// Users in the order of their ids, so that two such statements cannot wait for each other.
const takeBackFromMany = {
  name: 'provider_roles_take_back',
  text: `WITH users AS MATERIALIZED (
      SELECT u.id FROM {user} u
      WHERE ($2::uuid IS NULL OR u.id > $2::uuid)
        AND EXISTS (SELECT FROM {user_role} ur WHERE ur.user_id = u.id AND ur.provider = $1)
      ORDER BY u.id LIMIT 1000 FOR NO KEY UPDATE OF u),
    taken AS (
      DELETE FROM {user_role} WHERE user_id IN (SELECT id FROM users) AND provider = $1 RETURNING user_id, role_id),
    cleared AS (
      UPDATE {user} u SET default_role_id = NULL FROM taken t WHERE u.id = t.user_id AND u.default_role_id = t.role_id)
    SELECT u.id, (SELECT count(*)::int FROM taken t WHERE t.user_id = u.id) AS roles FROM users u ORDER BY u.id`,
}

const findChange = {
  name: 'provider_roles_differ',
  text: `SELECT true FROM {role} r LEFT JOIN {user_role} ur ON ur.role_id = r.id AND ur.user_id = $1::uuid
      WHERE r.name = ANY ($3::text[]) AND ur.id IS NULL
    UNION ALL
    SELECT true FROM {user_role} ur JOIN {role} r ON r.id = ur.role_id
      WHERE ur.user_id = $1::uuid AND ur.provider = $2 AND r.name <> ALL ($3::text[])
    LIMIT 1`,
}

const findMissing = {
  name: 'role_missing',
  text: `SELECT name FROM unnest($1::text[]) AS t (name)
    WHERE NOT EXISTS (SELECT FROM {role} r WHERE r.name = t.name) ORDER BY name COLLATE "C"`,
}

// Sign-ins and unlinkings lock the user first, so the next statement sees the rows of the one before. The identity is
// unlinked only under the same lock.
const lockUser = `SELECT true FROM {user} u WHERE u.id = $1::uuid AND EXISTS (
    SELECT FROM {identity} i WHERE i.provider = $2 AND i.subject = $3 AND i.user_id = u.id)
  FOR NO KEY UPDATE`

// The lock of a role makes a concurrent deletion wait. ON CONFLICT leaves the rows of others: they stay theirs.
const setRoles = `WITH wanted AS MATERIALIZED (
    SELECT id, name::text FROM {role} WHERE name = ANY ($3::text[]) ORDER BY id FOR KEY SHARE),
  taken AS (
    DELETE FROM {user_role} ur USING {role} r
    WHERE r.id = ur.role_id AND ur.user_id = $1::uuid AND ur.provider = $2 AND r.name <> ALL ($3::text[])
    RETURNING ur.role_id, r.name::text),
  granted AS (
    INSERT INTO {user_role} (user_id, role_id, provider) SELECT $1::uuid, id, $2 FROM wanted ORDER BY id
    ON CONFLICT (user_id, role_id) DO NOTHING RETURNING role_id),
  cleared AS (
    UPDATE {user} SET default_role_id = NULL
    WHERE id = $1::uuid AND default_role_id IN (SELECT role_id FROM taken))
  SELECT ARRAY(
      SELECT name FROM wanted WHERE id IN (SELECT role_id FROM granted) ORDER BY name COLLATE "C") AS granted,
    ARRAY(SELECT name FROM taken ORDER BY name COLLATE "C") AS taken`

/** The user of a provider. */
type Linked = { provider: string; subject: string }

/** The names of the roles that a sign-in granted and took back. */
export type RoleChange = { granted: string[]; taken: string[] }

export type ProviderRoles = ReturnType<typeof createProviderRoles>

/** The rows of `user_role` that belong to a provider: its sign-ins grant them and take them back. */
export function createProviderRoles({
  prisma,
  query,
  qualify,
}: Pick<Database, 'prisma' | 'query' | 'qualify'>) {
  async function change(
    userId: string,
    { provider, subject }: Linked,
    roles: readonly string[],
  ): Promise<RoleChange | null> {
    const [lock, set] = await Promise.all([qualify(lockUser), qualify(setRoles)])
    return (await prisma()).$transaction(async (tx) => {
      const locked = await tx.$queryRawUnsafe<unknown[]>(lock, userId, provider, subject)
      if (locked.length === 0) return null
      const [changed] = await tx.$queryRawUnsafe<RoleChange[]>(set, userId, provider, roles)
      return changed && changed.granted.length + changed.taken.length > 0 ? changed : null
    })
  }

  return {
    /** Returns the names that no role has. */
    findMissing: async (names: readonly string[]): Promise<string[]> =>
      (await query<{ name: string }>(findMissing, [names])).map(({ name }) => name),

    /** Takes back all roles that a provider has granted, of a thousand users at a time. Returns the counts. */
    takeBack: async (provider: string): Promise<{ users: number; roles: number }> => {
      const counts = { users: 0, roles: 0 }
      let last: string | null = null
      for (;;) {
        const batch: { id: string; roles: number }[] = await query(takeBackFromMany, [provider, last])
        counts.users += batch.length
        for (const { roles } of batch) counts.roles += roles
        last = batch.at(-1)?.id ?? null
        if (last === null) return counts
      }
    },

    /**
     * Makes the roles that a provider has granted to a user those of `roles` that exist, in one transaction. A role that
     * the user has by hand or from another provider stays as it is. A default role that is taken back is cleared. One
     * statement finds that nothing changes. Returns null without a change, and for an identity that is not linked to
     * the user any more.
     */
    set: async (userId: string, identity: Linked, roles: readonly string[]): Promise<RoleChange | null> => {
      if ((await query(findChange, [userId, identity.provider, roles])).length === 0) return null
      // Programs that lock rows in another order may cause a deadlock, which PostgreSQL ends.
      for (let left = 2; ; left--) {
        try {
          return await change(userId, identity, roles)
        } catch (error) {
          if (left === 0 || !isConflict(error)) throw error
        }
      }
    },
  }
}
