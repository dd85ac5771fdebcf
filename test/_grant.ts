import type { TestApp } from './_app.ts'

/** Grants a role by inserting rows, as Hasura's console does. */
export async function grant(app: TestApp, userId: string, role: string): Promise<void> {
  await app.sql('INSERT INTO role (name) VALUES ($1) ON CONFLICT DO NOTHING', [role])
  await app.sql('INSERT INTO user_role (user_id, role_id) SELECT $1, id FROM role WHERE name = $2', [
    userId,
    role,
  ])
}

export async function revoke(app: TestApp, userId: string, role: string): Promise<void> {
  await app.sql(
    'DELETE FROM user_role WHERE user_id = $1 AND role_id = (SELECT id FROM role WHERE name = $2)',
    [userId, role],
  )
}

export async function setDefaultRole(app: TestApp, userId: string, role: string | null): Promise<void> {
  await app.sql('INSERT INTO role (name) VALUES ($1) ON CONFLICT DO NOTHING', [role ?? 'user'])
  await app.sql('UPDATE "user" SET default_role_id = (SELECT id FROM role WHERE name = $2) WHERE id = $1', [
    userId,
    role,
  ])
}

/** Sets an extra claim; `json` is JSON text, so that a number can have more digits than JavaScript keeps. */
export async function setClaim(app: TestApp, userId: string, name: string, json: string): Promise<void> {
  await app.sql(
    `INSERT INTO user_claim (user_id, name, value) VALUES ($1, $2, ($3::text)::jsonb)
     ON CONFLICT (user_id, name) DO UPDATE SET value = excluded.value`,
    [userId, name, json],
  )
}

export async function deactivate(app: TestApp, userId: string): Promise<void> {
  await app.sql('UPDATE "user" SET active = false WHERE id = $1', [userId])
}
