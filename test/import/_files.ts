import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createMigratedDatabase, startApp, type TestApp } from '../_app.ts'
import { makeDirectory } from '../_directory.ts'
import type { ExecutionContext } from '../_test.ts'
import { importReport, runImport } from './_command.ts'
import { dumpTarget, query } from './_sources.ts'

/** Writes files into a folder of the test, and returns their paths. */
export async function writeFiles(
  t: ExecutionContext,
  files: Record<string, string | Uint8Array>,
): Promise<Record<string, string>> {
  const directory = await makeDirectory()
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const paths: Record<string, string> = {}
  for (const [name, content] of Object.entries(files)) {
    paths[name] = join(directory, name)
    await writeFile(paths[name], content)
  }
  return paths
}

/**
 * Imports a source, and asserts what holds for every source: a dry run changes nothing and reports the same, and a second
 * import changes nothing and says so. Returns the report of the import, and the gateway on its database.
 */
export async function importAll(
  t: ExecutionContext,
  args: readonly string[],
  { roles = [] as string[], url }: { roles?: string[]; url?: string } = {},
): Promise<{ report: Awaited<ReturnType<typeof importReport>>; text: string; app: TestApp }> {
  const databaseUrl = url ?? (await createMigratedDatabase())
  const app = await startApp({ databaseUrl })
  t.teardown(() => app.close())
  for (const role of roles) await app.sql('INSERT INTO role (name) VALUES ($1)', [role])
  const dump = () => dumpTarget((text) => query(databaseUrl, text))
  const options = { env: { DATABASE_URL: databaseUrl }, pageSize: 2 }

  const before = await dump()
  const rehearsed = await importReport([...args, '--dry-run'], options)
  t.is(await dump(), before)
  const text = await runImport([...args, '--dry-run'], options)
  t.true(text.stdout.endsWith('Nothing was changed.\n'))

  const report = await importReport(args, options)
  t.deepEqual({ ...rehearsed, dryRun: false }, report)
  const after = await dump()
  const again = await importReport(args, options)
  t.like(again, {
    users: { ...report.users, imported: 0, present: report.users.imported },
    roles: { created: 0, granted: 0 },
    identities: { linked: 0 },
  })
  t.is(await dump(), after)
  t.is(again.problems.counts.no_sign_in, undefined)
  return { report, text: text.stdout, app }
}

export type StoredUser = {
  id: string
  username: string
  email: string | null
  verified: boolean
  active: boolean
  password: string | null
  created: string
  defaultRole: string | null
  roles: string[]
  identities: string[]
  claims: Record<string, unknown>
}

/** Returns the users of a gateway by name, with everything that an import writes. */
export async function readStored({ sql }: Pick<TestApp, 'sql'>): Promise<Record<string, StoredUser>> {
  const users = await sql<StoredUser>(
    `SELECT u.id::text, username, email, email_verified AS verified, active, password,
       to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS created,
       (SELECT name FROM role WHERE id = default_role_id) AS "defaultRole",
       ARRAY(SELECT r.name FROM user_role ur JOIN role r ON r.id = ur.role_id WHERE ur.user_id = u.id ORDER BY 1)::text[] AS roles,
       ARRAY(SELECT provider || ' ' || subject FROM identity i WHERE i.user_id = u.id ORDER BY 1) AS identities,
       coalesce((SELECT jsonb_object_agg(name, value) FROM user_claim c WHERE c.user_id = u.id), '{}') AS claims
     FROM "user" u`,
  )
  return Object.fromEntries(users.map((user) => [user.username, user]))
}
