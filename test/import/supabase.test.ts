import { readFileSync } from 'node:fs'
import { createServerDatabase, engines, root } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { foreignHashes, foreignPassword } from '../authentication/_foreign-hashes.ts'
import { runImport } from './_command.ts'
import { importAll, readStored, writeFiles } from './_files.ts'
import { query } from './_sources.ts'

const bcrypt = foreignHashes['bcrypt of Spring Security']?.replace('{bcrypt}', '')
const fbscrypt = foreignHashes['scrypt of Firebase']
const id = (n: number) => `9b2d0c1e-6f3a-4d5b-8c7e-00000000000${n}`

// The columns of auth.users, auth.identities and auth.mfa_factors in the migrations of Supabase Auth.
const schema = `
  CREATE SCHEMA auth;
  CREATE TYPE auth.factor_type AS ENUM ('totp', 'webauthn', 'phone');
  CREATE TYPE auth.factor_status AS ENUM ('unverified', 'verified');
  CREATE TABLE auth.users (
    instance_id uuid, id uuid PRIMARY KEY, aud varchar(255), role varchar(255), email varchar(255),
    encrypted_password varchar(255), email_confirmed_at timestamptz, invited_at timestamptz,
    confirmation_token varchar(255), confirmation_sent_at timestamptz, recovery_token varchar(255),
    last_sign_in_at timestamptz, raw_app_meta_data jsonb, raw_user_meta_data jsonb, is_super_admin boolean,
    created_at timestamptz, updated_at timestamptz, phone text UNIQUE, phone_confirmed_at timestamptz,
    confirmed_at timestamptz GENERATED ALWAYS AS (LEAST(email_confirmed_at, phone_confirmed_at)) STORED,
    banned_until timestamptz, reauthentication_token varchar(255), is_sso_user boolean NOT NULL DEFAULT false,
    deleted_at timestamptz, is_anonymous boolean NOT NULL DEFAULT false);
  CREATE TABLE auth.identities (
    provider_id text NOT NULL, user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
    identity_data jsonb NOT NULL, provider text NOT NULL, last_sign_in_at timestamptz, created_at timestamptz,
    updated_at timestamptz, id uuid PRIMARY KEY DEFAULT gen_random_uuid(), UNIQUE (provider_id, provider));
  CREATE TABLE auth.mfa_factors (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL REFERENCES auth.users (id),
    friendly_name text, factor_type auth.factor_type NOT NULL, status auth.factor_status NOT NULL, secret text);
  INSERT INTO auth.users (id, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data,
    created_at, banned_until, deleted_at, is_anonymous) VALUES
    ('${id(1)}', 'ada@example.com', '${bcrypt}', now(), '{"provider": "email", "providers": ["email", "github"], "roles": ["editor", "ghost"], "org": {"id": 7}}', '{"roles": ["owner"]}', '2024-05-06 07:08:09.123456+00', NULL, NULL, false),
    ('${id(2)}', 'bob@example.com', '${fbscrypt}', NULL, '{"provider": "email", "role": "editor"}', '{}', '2024-05-06 07:08:09+00', NULL, NULL, false),
    ('${id(3)}', 'cy@example.com', '${bcrypt}', now(), '{}', '{}', now(), now() + interval '100 years', NULL, false),
    ('${id(4)}', 'gone@example.com', '', now(), '{}', '{}', now(), NULL, now(), false),
    ('${id(5)}', NULL, NULL, NULL, '{}', '{}', now(), NULL, NULL, true),
    ('${id(6)}', 'magic@example.com', '', now(), NULL, NULL, now(), NULL, NULL, false);
  INSERT INTO auth.identities (provider_id, user_id, identity_data, provider) VALUES
    ('${id(1)}', '${id(1)}', '{"sub": "${id(1)}"}', 'email'), ('1815', '${id(1)}', '{"sub": "1815"}', 'github');
  INSERT INTO auth.mfa_factors (user_id, factor_type, status, secret) VALUES
    ('${id(2)}', 'totp', 'verified', 'x'), ('${id(1)}', 'totp', 'unverified', 'x');`

const claims = ['--claim', 'org-id=raw_app_meta_data.org.id', '--claim', 'subject=id']

/** What an import must report and store, from the database and from both kinds of file. */
const expected = {
  report: {
    code: 1,
    users: { read: 5, imported: 4, anonymous: 1 },
    identities: { linked: 1 },
    remarks: [],
    problems: { counts: { unknown_role: 1, no_sign_in: 1 } },
    changes: { counts: { role_added: 2, second_factor_lost: 1 } },
  },
  ada: {
    id: id(1),
    verified: true,
    active: true,
    created: '2024-05-06T07:08:09.123Z',
    roles: ['editor'],
    identities: ['github 1815'],
    claims: { 'org-id': 7, subject: id(1) },
  },
  bob: { verified: false, active: true, roles: ['editor'], identities: [] },
}

if (engines.includes('server')) {
  const importSupabase = async (t: ExecutionContext, from: string, url?: string) => {
    const { report, app } = await importAll(t, ['supabase', from, ...claims], {
      roles: ['editor', 'owner'],
      ...(url !== undefined && { url }),
    })
    t.like(report, expected.report)
    const stored = await readStored(app)
    t.like(stored['ada@example.com'], expected.ada)
    t.like(stored['bob@example.com'], expected.bob)
    t.like(stored['cy@example.com'], { active: false })
    for (const name of ['ada@example.com', 'bob@example.com'])
      t.is((await app.login(name, foreignPassword)).status, 200, name)
    t.is((await app.login('cy@example.com', foreignPassword)).status, 401)
  }

  test('auth.users of Supabase, from its database', async (t) => {
    const url = await createServerDatabase()
    await query(url, schema)
    await importSupabase(t, url)
  })

  test('auth.users of Supabase, within one database: the gateway has the schema public of it', async (t) => {
    const url = await createServerDatabase()
    await query(url, schema)
    await importSupabase(t, url, url)
    t.is((await query(url, 'SELECT count(*)::int AS n FROM auth.users'))[0].n, 6)
  })

  test('the gateway in the schema auth itself is refused', async (t) => {
    const url = await createServerDatabase()
    await query(url, schema)
    const env = { DATABASE_URL: `${url}${url.includes('?') ? '&' : '?'}schema=auth` }
    const { code, stderr } = await runImport(['supabase', url], { env })
    t.is(code, 78)
    t.regex(stderr, /\?schema=public/)
  })

  test('auth.users of Supabase, as JSON lines by the query of the guide, as an array and as a table', async (t) => {
    const url = await createServerDatabase()
    await query(url, schema)
    const guide = readFileSync(new URL('docs/how-to/import-users.md', root), 'utf8')
    const sql = /```sql\n(.*?)```/s.exec(guide)?.[1] ?? ''
    const rows: { row: object }[] = await query(url, `SELECT * FROM (${sql}) AS rows (row)`)
    const names = Object.keys(rows[0]?.row ?? {})
    const cell = (value: unknown) => {
      const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '')
      return `"${text.replaceAll('"', '""')}"`
    }
    const table = [
      names.join(','),
      ...rows.map(({ row }) => names.map((name) => cell(row[name as keyof typeof row])).join(',')),
    ]
    const paths = await writeFiles(t, {
      'users.ndjson': rows.map(({ row }) => `${JSON.stringify(row)}\n`).join(''),
      'users.json': JSON.stringify(rows.map(({ row }) => row)),
      'users.csv': table.join('\r\n'),
    })
    for (const path of Object.values(paths)) await importSupabase(t, path)
  })

  test('--emails-unverified imports no address as verified; the table of the dashboard says what it lacks', async (t) => {
    const { 'users.csv': file = '' } = await writeFiles(t, {
      'users.csv': `id,email,email_confirmed_at\n${id(1)},ada@example.com,2024-05-06 07:08:09.1+00\n`,
    })
    const { report, app } = await importAll(t, ['supabase', file, '--emails-unverified'])
    t.is(report.remarks.length, 4)
    t.like((await readStored(app))['ada@example.com'], { verified: false })
  })
} else {
  test('importing is tested with a server only', (t) => t.pass())
}
