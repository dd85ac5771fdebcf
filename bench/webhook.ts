import pg from 'pg'
import { loadGet, type Rate } from './load.ts'
import { makeTokens } from './tokens.ts'

/** Where gateway and limit listen, and what makes tokens that the gateway takes for its own. */
export type WebhookStage = {
  base: string
  limitBase: string
  databaseUrl: string
  pem: string
  /** A token that the gateway issued. */
  example: string
  seconds: number
  rounds: number
}

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

const limits = ['webhook', 'verification', 'memory'] as const

/**
 * `/webhook` with a warm cache beside three limits, turn by turn: node:http with RS256 verification and one prepared
 * query; with verification only; and with each token verified once.
 */
export async function measureWebhook(stage: WebhookStage, cases: Record<string, string>): Promise<void> {
  const { base, limitBase, seconds, rounds } = stage
  console.log(
    '\n| webhook, 32 in flight | gateway /s | p99 ms | verify and query /s | ratio | verify /s | ratio | verified once /s | ratio |',
  )
  console.log(`|${' --- |'.repeat(9)}`)
  for (const [name, users] of Object.entries(cases)) {
    const tokens = await makeTokens(stage.databaseUrl, stage.pem, stage.example, users)
    const headers = tokens.map((token) => ({ authorization: `Bearer ${token}` }))
    const load = (url: string) => loadGet(url, 32, seconds, headers)
    await loadGet(`${base}/webhook`, 32, 2, headers)
    const ours: Rate[] = []
    const theirs: Record<string, number[]> = { webhook: [], verification: [], memory: [] }
    for (let round = 0; round < rounds; round++) {
      ours.push(await load(`${base}/webhook`))
      for (const limit of limits) theirs[limit]?.push((await load(`${limitBase}/${limit}`)).perSecond)
    }
    const rate = median(ours.map(({ perSecond }) => perSecond))
    const ratios = limits.map((limit) => {
      const theirRate = median(theirs[limit] ?? [])
      return `${theirRate.toFixed(0)} | ${(rate / theirRate).toFixed(2)}`
    })
    const p99 = median(ours.map((each) => each.p99))
    console.log(`| ${name} | ${rate.toFixed(0)} | ${p99.toFixed(0)} | ${ratios.join(' | ')} |`)
  }
}

/** A hundred users who have so many roles each. */
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
