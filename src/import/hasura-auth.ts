import type { Layout } from './layout.ts'

/** nhost/hasura-auth. Its users have no names; they sign in with their e-mail addresses. */
export const hasuraAuth: Layout = {
  name: 'hasura-auth',
  columns: {
    'auth.users': ['id', 'disabled', 'email', 'email_verified', 'password_hash', 'default_role'],
    'auth.user_roles': ['user_id', 'role'],
    'auth.user_providers': ['user_id', 'provider_id', 'provider_user_id'],
  },
  ids: ['auth.users.id', 'auth.user_roles.user_id', 'auth.user_providers.user_id'],
  queries: (has) => ({
    count: 'SELECT count(*)::int AS total FROM auth.users',
    users: `SELECT id::text AS key, id::text AS id, NULL AS username, password_hash::text AS password,
        email::text AS email, coalesce(email_verified, false) AS "emailVerified",
        default_role::text AS "defaultRole", NOT coalesce(disabled, false) AS active,
        ${has('auth.users.is_anonymous') ? 'coalesce(is_anonymous, false)' : 'false'} AS anonymous,
        ${has('auth.users.created_at') ? 'created_at::timestamptz::text' : 'NULL'} AS "createdAt"
      FROM auth.users WHERE $1::uuid IS NULL OR id > $1 ORDER BY users.id LIMIT $2`,
    roles: `SELECT user_id::text AS key, role::text AS role FROM auth.user_roles
      WHERE user_id BETWEEN $1 AND $2 ORDER BY user_id, role`,
    identities: `SELECT user_id::text AS key, provider_id::text AS provider, provider_user_id::text AS subject
      FROM auth.user_providers WHERE user_id BETWEEN $1 AND $2 ORDER BY user_id, provider_id, provider_user_id`,
  }),
  sameDatabase:
    'This is the database of the gateway itself. Give the gateway one of its own (DATABASE_URL), or import from a copy.',
}
