import type { Layout } from './layout.ts'

/** platyplus/authentication-server, from which the gateway descends. Its users have names, and no default role. */
export const seed: Layout = {
  name: 'seed',
  columns: {
    user: ['id', 'username', 'password'],
    role: ['id', 'name'],
    user_role: ['user_id', 'role_id'],
  },
  ids: ['user.id', 'role.id', 'user_role.user_id', 'user_role.role_id'],
  queries: (has) => ({
    count: 'SELECT count(*)::int AS total FROM "user"',
    users: `SELECT id::text AS key, id::text AS id, username::text AS username, password::text AS password,
        NULL AS email, false AS "emailVerified", NULL AS "defaultRole", false AS anonymous,
        ${has('user.active') ? 'coalesce(active, true)' : 'true'} AS active,
        ${has('user.created_at') ? 'created_at::timestamptz::text' : 'NULL'} AS "createdAt"
      FROM "user" WHERE $1::uuid IS NULL OR id > $1 ORDER BY "user".id LIMIT $2`,
    roles: `SELECT ur.user_id::text AS key, r.name::text AS role FROM user_role ur JOIN role r ON r.id = ur.role_id
      WHERE ur.user_id BETWEEN $1 AND $2 ORDER BY ur.user_id, r.name`,
    identities: null,
  }),
  sameDatabase:
    'This is the database of the gateway itself: there is nothing to import. `claimgate migrate` adopts the tables of the seed where they are, with every row and hash.',
}
