import type { Layout } from './layout.ts'

/**
 * nhost/hasura-backend-plus 2. What it called a user's id, also in tokens, is `user_id`; an account's own id only ties
 * its tables together. An account is active when its owner has clicked a link **or** when no link was ever sent, so
 * nothing there proves an e-mail address.
 */
export const hasuraBackendPlus: Layout = {
  name: 'hasura-backend-plus',
  columns: {
    'auth.accounts': ['id', 'user_id', 'active', 'email', 'password_hash', 'default_role'],
    'auth.account_roles': ['account_id', 'role'],
    'auth.account_providers': ['account_id', 'auth_provider', 'auth_provider_unique_id'],
  },
  ids: [
    'auth.accounts.id',
    'auth.accounts.user_id',
    'auth.account_roles.account_id',
    'auth.account_providers.account_id',
  ],
  queries: (has) => ({
    count: 'SELECT count(*)::int AS total FROM auth.accounts',
    users: `SELECT id::text AS key, user_id::text AS id, NULL AS username, password_hash::text AS password,
        email::text AS email, false AS "emailVerified", default_role::text AS "defaultRole",
        coalesce(active, false) AS active,
        ${has('auth.accounts.is_anonymous') ? 'coalesce(is_anonymous, false)' : 'false'} AS anonymous,
        ${has('auth.accounts.created_at') ? 'created_at::timestamptz::text' : 'NULL'} AS "createdAt"
      FROM auth.accounts WHERE $1::uuid IS NULL OR id > $1 ORDER BY accounts.id LIMIT $2`,
    roles: `SELECT account_id::text AS key, role::text AS role FROM auth.account_roles
      WHERE account_id BETWEEN $1 AND $2 ORDER BY account_id, role`,
    identities: `SELECT account_id::text AS key, auth_provider::text AS provider,
        auth_provider_unique_id::text AS subject
      FROM auth.account_providers WHERE account_id BETWEEN $1 AND $2
      ORDER BY account_id, auth_provider, auth_provider_unique_id`,
  }),
  sameDatabase:
    'This is the database of the gateway itself. Give the gateway one of its own (DATABASE_URL), or import from a copy.',
}
