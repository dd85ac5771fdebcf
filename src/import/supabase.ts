import * as z from 'zod'
import { flag, listOf, requiredText, text, time } from './fields.ts'
import type { FileSource } from './file-source.ts'
import type { Layout } from './layout.ts'
import { parseObject } from './member.ts'

/** Sign-ins of Supabase itself, which are no provider. */
const ownProviders = ['email', 'phone']

/** The table `auth.users` of Supabase, in its database. */
export const supabaseDatabase: Layout = {
  name: 'supabase',
  columns: {
    'auth.users': ['id', 'email', 'encrypted_password', 'email_confirmed_at', 'raw_app_meta_data'],
    'auth.identities': ['id', 'user_id', 'provider'],
  },
  ids: ['auth.users.id', 'auth.identities.user_id'],
  isForeign: true,
  queries: (has) => ({
    count: `SELECT count(*)::int AS total FROM auth.users ${has('auth.users.deleted_at') ? 'WHERE deleted_at IS NULL' : ''}`,
    users: `SELECT id::text AS key, id::text AS id, NULL AS username,
        nullif(encrypted_password, '')::text AS password, nullif(email, '')::text AS email,
        email_confirmed_at IS NOT NULL AS "emailVerified", true AS "mustVerify", NULL AS "defaultRole",
        ${has('auth.users.banned_until') ? 'coalesce(banned_until <= now(), true)' : 'true'} AS active,
        ${has('auth.users.is_anonymous') ? 'coalesce(is_anonymous, false)' : 'false'} AS anonymous,
        ${has('auth.users.created_at') ? 'created_at::timestamptz::text' : 'NULL'} AS "createdAt",
        ${
          has('auth.mfa_factors.user_id')
            ? `(SELECT min(factor_type::text) FROM auth.mfa_factors f WHERE f.user_id = users.id AND f.status::text = 'verified')`
            : 'NULL'
        } AS "secondFactor"
      FROM auth.users WHERE ($1::uuid IS NULL OR id > $1)
        ${has('auth.users.deleted_at') ? 'AND deleted_at IS NULL' : ''} ORDER BY users.id LIMIT $2`,
    roles: `SELECT id::text AS key, found.role FROM auth.users CROSS JOIN LATERAL (
          SELECT jsonb_array_elements_text(CASE jsonb_typeof(raw_app_meta_data::jsonb -> 'roles')
            WHEN 'array' THEN raw_app_meta_data::jsonb -> 'roles' ELSE '[]' END)
          UNION SELECT raw_app_meta_data::jsonb ->> name FROM unnest(ARRAY['role', 'roles']) AS n (name)
            WHERE jsonb_typeof(raw_app_meta_data::jsonb -> name) = 'string') AS found (role)
      WHERE id BETWEEN $1 AND $2 ORDER BY id, found.role`,
    identities: `SELECT user_id::text AS key, provider::text AS provider,
        ${has('auth.identities.provider_id') ? 'provider_id' : 'id'}::text AS subject
      FROM auth.identities WHERE user_id BETWEEN $1 AND $2 AND provider NOT IN ('email', 'phone')
      ORDER BY user_id, provider, subject`,
  }),
  sameDatabase:
    'The source is in the database and schema of the gateway itself. Set DATABASE_URL to another schema of this database (?schema=public), or to another database.',
}

const jsonList = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (typeof value === 'string' ? parseObject(value) : value), listOf(schema))

const user = z.object({
  id: requiredText,
  email: text,
  phone: text,
  encrypted_password: text,
  email_confirmed_at: text,
  banned_until: time,
  deleted_at: text,
  is_anonymous: flag,
  created_at: time,
  identities: jsonList(z.object({ provider: z.string(), provider_id: text, id: text, identity_id: text })),
  mfa_factors: jsonList(z.object({ factor_type: text, status: text })),
  factors: jsonList(z.object({ factor_type: text, status: text })),
})

/** Rows of `auth.users` of Supabase in a file: a table, or JSON. */
export const supabaseFile: FileSource = {
  name: 'supabase',
  findFormat: (start) => {
    if (start.startsWith('[')) return 'array'
    if (/^\{\s*"users"/.test(start)) return 'users'
    return start.startsWith('{') ? 'lines' : 'csv'
  },
  expected: 'rows of auth.users as CSV, or as JSON',
  // Users write raw_user_meta_data themselves, so it never has roles.
  rolePaths: ['raw_app_meta_data.roles', 'raw_app_meta_data.role', 'app_metadata.roles', 'app_metadata.role'],
  remark: ({ names }) => [
    ...(names.has('encrypted_password')
      ? []
      : ['The file has no encrypted_password: no user gets a password.']),
    ...(names.has('banned_until')
      ? []
      : ['The file has no banned_until: users who are banned are active after the import.']),
    ...(names.has('identities')
      ? []
      : [
          'The file has no identities: no user can sign in through a provider. Export them, or import from the database.',
        ]),
    ...(names.has('mfa_factors') || names.has('factors')
      ? []
      : ['The file does not say who has a second factor. Users who had one sign in without it.']),
  ],
  createReader:
    (_seen, { now }) =>
    (row) => {
      const found = user.parse(row)
      if (found.deleted_at !== null) return null
      const factor = [...found.mfa_factors, ...found.factors].find(({ status }) => status === 'verified')
      return {
        id: found.id,
        username: null,
        password: found.encrypted_password,
        email: found.email,
        emailVerified: found.email_confirmed_at !== null,
        mustVerify: true,
        active: found.banned_until === null || Date.parse(found.banned_until) <= now,
        anonymous: found.is_anonymous === true,
        createdAt: found.created_at,
        secondFactor: factor ? (factor.factor_type ?? 'mfa_factors') : null,
        roles: [],
        defaultRole: null,
        identities: found.identities
          .filter(({ provider }) => !ownProviders.includes(provider))
          // Older versions have the subject in id.
          .map(({ provider, provider_id, id }) => ({ provider, subject: provider_id ?? id ?? '' })),
      }
    },
}
