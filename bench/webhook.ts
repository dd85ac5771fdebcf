import pg from 'pg'
import { alternate, type Measured, measure, median, writeHead, writeRow } from './compare.ts'
import { loadGet } from './load.ts'
import type { Started } from './process.ts'
import type { Effort } from './stage.ts'
import { makeTokens } from './tokens.ts'

/** The running programs, and the key and example for tokens that the gateway accepts. */
export type WebhookStage = Effort & {
  gateway: Started
  limit: Started
  databaseUrl: string
  pem: string
  /** A token that the gateway issued. */
  example: string
}

/**
 * Measures `/webhook` with a warm cache and three limits: node:http with RS256 verification and one prepared query; with
 * verification only; and with each token verified once. Prints the rate as a multiple of each limit. The CPU time per
 * answer is independent of other load, and excludes PostgreSQL.
 */
export async function measureWebhook(stage: WebhookStage, cases: Record<string, string>): Promise<void> {
  const { gateway, limit, seconds, rounds } = stage
  const limits = ['verify and query', 'verify only', 'remember the verified token']
  console.log(`\n${writeHead(['`/webhook`, 32 in flight', 'gateway /s', ...limits, 'CPU µs', 'p99 ms'])}`)
  for (const [name, users] of Object.entries(cases)) {
    const tokens = await makeTokens(stage.databaseUrl, stage.pem, stage.example, users)
    const headers = tokens.map((token) => ({ authorization: `Bearer ${token}` }))
    const load = (program: Started, path: string) => () =>
      measure(program, () => loadGet(`http://127.0.0.1:${program.port}${path}`, 32, seconds, headers))
    const [ours = [], ...theirs] = await alternate(rounds, [
      load(gateway, '/webhook'),
      load(limit, '/webhook'),
      load(limit, '/verification'),
      load(limit, '/memory'),
    ])
    const rateOf = (results: Measured[]) => median(results.map(({ perSecond }) => perSecond))
    const ratios = theirs.map((each) => `${(rateOf(ours) / rateOf(each)).toFixed(2)} ×`)
    const cpu = median(ours.map((each) => each.cpu * 1000)).toFixed(0)
    const p99 = median(ours.map((each) => each.p99)).toFixed(0)
    console.log(writeRow([name, rateOf(ours).toFixed(0), ...ratios, cpu, p99]))
  }
}

/** Adds a hundred users with `roles` roles each; returns a statement that selects their ids. */
export async function addUsersWithRoles(databaseUrl: string, roles: number): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query(
      `INSERT INTO role (name) SELECT 'role' || n FROM generate_series(0, $1::int - 1) n ON CONFLICT DO NOTHING`,
      [roles],
    )
    const name = `roles${roles}-`
    await client.query(
      `WITH added AS (
         INSERT INTO "user" (username) SELECT $1::text || n FROM generate_series(1, 100) n RETURNING id)
       INSERT INTO user_role (user_id, role_id)
       SELECT added.id, role.id FROM added, role WHERE substr(role.name, 5)::int < $2`,
      [name, roles],
    )
    return `SELECT id FROM "user" WHERE username LIKE '${name}%'`
  } finally {
    await client.end()
  }
}
