import pg from 'pg'
import { createServerDatabase } from '../_app.ts'

/** The database of another authentication server, filled by the test. */
export type TestSource = {
  url: string
  sql(text: string, values?: unknown[]): Promise<pg.QueryResult['rows']>
}

const layouts = {
  seed: `
    CREATE TABLE "user" (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      username varchar(255) NOT NULL UNIQUE,
      password varchar(255) NOT NULL,
      created_at timestamptz DEFAULT CURRENT_TIMESTAMP,
      active boolean DEFAULT true);
    CREATE TABLE role (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name varchar(255) NOT NULL UNIQUE);
    CREATE TABLE user_role (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      role_id uuid REFERENCES role (id),
      user_id uuid REFERENCES "user" (id));`,
  'hasura-backend-plus': `
    CREATE SCHEMA auth;
    CREATE TABLE public.users (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(), display_name text, avatar_url text);
    CREATE TABLE auth.roles (role text PRIMARY KEY);
    CREATE TABLE auth.accounts (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      created_at timestamptz NOT NULL DEFAULT now(),
      user_id uuid NOT NULL UNIQUE REFERENCES public.users (id),
      active boolean NOT NULL DEFAULT false,
      email text UNIQUE,
      password_hash text,
      default_role text NOT NULL DEFAULT 'user' REFERENCES auth.roles (role),
      is_anonymous boolean NOT NULL DEFAULT false,
      otp_secret text,
      mfa_enabled boolean NOT NULL DEFAULT false);
    CREATE TABLE auth.account_roles (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      account_id uuid NOT NULL REFERENCES auth.accounts (id),
      role text NOT NULL REFERENCES auth.roles (role),
      UNIQUE (account_id, role));
    CREATE TABLE auth.account_providers (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      account_id uuid NOT NULL REFERENCES auth.accounts (id),
      auth_provider text NOT NULL,
      auth_provider_unique_id text NOT NULL,
      UNIQUE (account_id, auth_provider),
      UNIQUE (auth_provider, auth_provider_unique_id));
    INSERT INTO auth.roles VALUES ('user'), ('me'), ('anonymous'), ('editor');`,
  'hasura-auth': `
    CREATE SCHEMA auth;
    CREATE DOMAIN auth.email AS text CHECK (value ~ '@');
    CREATE TABLE auth.roles (role text PRIMARY KEY);
    CREATE TABLE auth.users (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      created_at timestamptz NOT NULL DEFAULT now(),
      disabled boolean NOT NULL DEFAULT false,
      display_name text NOT NULL DEFAULT '',
      email auth.email UNIQUE,
      phone_number text UNIQUE,
      password_hash text,
      email_verified boolean NOT NULL DEFAULT false,
      default_role text NOT NULL DEFAULT 'user' REFERENCES auth.roles (role),
      is_anonymous boolean NOT NULL DEFAULT false,
      totp_secret text,
      active_mfa_type text CHECK (active_mfa_type IN ('totp', 'sms')));
    CREATE TABLE auth.user_roles (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      user_id uuid NOT NULL REFERENCES auth.users (id),
      role text NOT NULL REFERENCES auth.roles (role),
      UNIQUE (user_id, role));
    CREATE TABLE auth.user_providers (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      user_id uuid NOT NULL REFERENCES auth.users (id),
      access_token text NOT NULL DEFAULT 'secret of the provider',
      provider_id text NOT NULL,
      provider_user_id text NOT NULL,
      UNIQUE (user_id, provider_id),
      UNIQUE (provider_id, provider_user_id));
    INSERT INTO auth.roles VALUES ('user'), ('me'), ('anonymous'), ('editor');`,
}

export type SourceName = keyof typeof layouts

export const sourceNames = Object.keys(layouts) as SourceName[]

/** Returns the SQL that creates the tables of a source. */
export const layoutOf = (name: SourceName): string => layouts[name]

/** Creates a database with the tables of a source, and then runs the SQL `fill` in it. */
export async function createSource(name: SourceName | null, fill = ''): Promise<TestSource> {
  const url = await createServerDatabase()
  const sql: TestSource['sql'] = (text, values) => query(url, text, values)
  if (name !== null) await sql(layouts[name])
  if (fill !== '') await sql(fill)
  return { url, sql }
}

/** Returns SQL that adds `count` users, each with two roles and, where the layout has identities, one identity. */
export function fillMany(name: SourceName, count: number): string {
  const id = `('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid`
  const series = `FROM generate_series(1, ${count}) n`
  const hash = `'$2b$04$' || rpad(n::text, 53, 'x')`
  return {
    seed: `
      INSERT INTO role (name) VALUES ('user'), ('editor'), ('reader');
      INSERT INTO "user" (id, username, password) SELECT ${id}, 'user' || n, ${hash} ${series};
      INSERT INTO user_role (user_id, role_id) SELECT ${id}, r.id ${series} CROSS JOIN role r;`,
    'hasura-backend-plus': `
      INSERT INTO public.users (id, display_name) SELECT ${id}, 'User ' || n ${series};
      INSERT INTO auth.accounts (id, user_id, active, email, password_hash)
        SELECT ${id}, ${id}, true, 'user' || n || '@example.com', ${hash} ${series};
      INSERT INTO auth.account_roles (account_id, role)
        SELECT ${id}, r.role ${series} CROSS JOIN auth.roles r WHERE r.role <> 'anonymous';
      INSERT INTO auth.account_providers (account_id, auth_provider, auth_provider_unique_id)
        SELECT ${id}, 'github', n::text ${series};`,
    'hasura-auth': `
      INSERT INTO auth.users (id, email, email_verified, password_hash)
        SELECT ${id}, 'user' || n || '@example.com', true, ${hash} ${series};
      INSERT INTO auth.user_roles (user_id, role)
        SELECT ${id}, r.role ${series} CROSS JOIN auth.roles r WHERE r.role <> 'anonymous';
      INSERT INTO auth.user_providers (user_id, provider_id, provider_user_id)
        SELECT ${id}, 'github', n::text ${series};`,
  }[name]
}

/** Runs SQL in a database. */
export async function query(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<pg.QueryResult['rows']> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text, values.length > 0 ? values : undefined)).rows
  } finally {
    await client.end()
  }
}

/** Returns the rows of every table that an import writes, as one value to compare. */
export async function dumpTarget(run: (text: string) => Promise<unknown[]>): Promise<string> {
  const tables = ['"user"', 'role', 'user_role', 'identity', 'user_claim']
  const rows = await Promise.all(
    tables.map((table) =>
      run(`SELECT jsonb_agg(to_jsonb(t) ORDER BY to_jsonb(t)::text) AS rows FROM ${table} t`),
    ),
  )
  return JSON.stringify(rows)
}
