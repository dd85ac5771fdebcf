import type { Layout } from './layout.ts'
import { supabaseDatabase } from './supabase.ts'

/** nhost/hasura-auth. Its users have no username and sign in with their e-mail address. */
const hasuraAuth: Layout = {
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
        email::text AS email, coalesce(email_verified, false) AS "emailVerified", true AS "mustVerify",
        default_role::text AS "defaultRole", NOT coalesce(disabled, false) AS active,
        ${has('auth.users.active_mfa_type') ? 'active_mfa_type::text' : 'NULL'} AS "secondFactor",
        ${has('auth.users.is_anonymous') ? 'coalesce(is_anonymous, false)' : 'false'} AS anonymous,
        ${has('auth.users.created_at') ? 'created_at::timestamptz::text' : 'NULL'} AS "createdAt"
      FROM auth.users WHERE $1::uuid IS NULL OR id > $1 ORDER BY users.id LIMIT $2`,
    roles: `SELECT user_id::text AS key, role::text AS role FROM auth.user_roles
      WHERE user_id BETWEEN $1 AND $2 ORDER BY user_id, role`,
    identities: `SELECT user_id::text AS key, provider_id::text AS provider, provider_user_id::text AS subject
      FROM auth.user_providers WHERE user_id BETWEEN $1 AND $2 ORDER BY user_id, provider_id, provider_user_id`,
  }),
  sameDatabase:
    'The source is in the database and schema of the gateway itself. Set DATABASE_URL to another database, or to another schema of it (?schema=).',
}

/**
 * nhost/hasura-backend-plus 2. The user id of its tokens is `user_id`; the id of an account only joins its tables. An
 * account is active when its user has clicked a link **or** when no link was sent. So no e-mail address is verified.
 */
const hasuraBackendPlus: Layout = {
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
        ${has('auth.accounts.mfa_enabled') ? "CASE WHEN mfa_enabled THEN 'totp' END" : 'NULL'} AS "secondFactor",
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
    'The source is in the database and schema of the gateway itself. Set DATABASE_URL to another database, or to another schema of it (?schema=).',
}

/** platyplus/authentication-server, the predecessor of this gateway. Its users have a username, and all have the role `user`. */
const seed: Layout = {
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
        NULL AS email, false AS "emailVerified", 'user' AS "defaultRole", false AS anonymous,
        NULL AS "secondFactor",
        ${has('user.active') ? 'coalesce(active, true)' : 'true'} AS active,
        ${has('user.created_at') ? 'created_at::timestamptz::text' : 'NULL'} AS "createdAt"
      FROM "user" WHERE $1::uuid IS NULL OR id > $1 ORDER BY "user".id LIMIT $2`,
    roles: `SELECT ur.user_id::text AS key, r.name::text AS role FROM user_role ur JOIN role r ON r.id = ur.role_id
      WHERE ur.user_id BETWEEN $1 AND $2 ORDER BY ur.user_id, r.name`,
    identities: null,
  }),
  sameDatabase:
    'The source is in the database and schema of the gateway itself. Run `claimgate migrate` instead: it adopts the tables of the seed in place, with every row and hash.',
}

/** Every source that users can be imported from. */
export const layouts: readonly Layout[] = [seed, hasuraBackendPlus, hasuraAuth, supabaseDatabase]
