import pg from 'pg'
import { median } from './compare.ts'
import { loadGet } from './load.ts'
import { cpuMs, type Started } from './process.ts'
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

/** The measurements of one program, a value per round. */
type Series = { name: string; perSecond: number[]; cpu: number[]; p99: number[] }

/**
 * Measures `/webhook` with a warm cache and three limits, in alternating rounds: node:http with RS256 verification and
 * one prepared query; with verification only; and with each token verified once. The CPU time per answer is independent
 * of other load, and excludes PostgreSQL.
 */
export async function measureWebhook(stage: WebhookStage, cases: Record<string, string>): Promise<void> {
  const { gateway, limit, seconds, rounds } = stage
  console.log('\n| webhook, 32 in flight | answered by | /s | gateway is | CPU µs | gateway is | p99 ms |')
  console.log(`|${' --- |'.repeat(7)}`)
  for (const [name, users] of Object.entries(cases)) {
    const tokens = await makeTokens(stage.databaseUrl, stage.pem, stage.example, users)
    const headers = tokens.map((token) => ({ authorization: `Bearer ${token}` }))
    const measure = async (program: Started, path: string, series: Series) => {
      const before = cpuMs(program)
      const rate = await loadGet(`http://127.0.0.1:${program.port}${path}`, 32, seconds, headers)
      series.perSecond.push(rate.perSecond)
      series.p99.push(rate.p99)
      series.cpu.push(((cpuMs(program) - before) * 1000) / (rate.perSecond * seconds))
    }
    const series = ['the gateway', 'verify and query', 'verify', 'verified once'].map(
      (name): Series => ({ name, perSecond: [], cpu: [], p99: [] }),
    )
    const [ours, query, verification, memory] = series as [Series, Series, Series, Series]
    // One request of each user fills the cache; then the programs warm up.
    for (const each of headers) {
      const { status } = await fetch(`http://127.0.0.1:${gateway.port}/webhook`, { headers: each })
      if (status !== 200) throw new Error(`/webhook answered ${status}`)
    }
    await loadGet(`http://127.0.0.1:${gateway.port}/webhook`, 32, 2, headers)
    for (let round = 0; round < rounds; round++) {
      await measure(gateway, '/webhook', ours)
      await measure(limit, '/webhook', query)
      await measure(limit, '/verification', verification)
      await measure(limit, '/memory', memory)
    }
    for (const each of series) {
      const [perSecond, cpu] = [median(each.perSecond), median(each.cpu)]
      const rates = `${perSecond.toFixed(0)} | ${(median(ours.perSecond) / perSecond).toFixed(2)}`
      const costs = `${cpu.toFixed(0)} | ${(cpu / median(ours.cpu)).toFixed(2)}`
      console.log(`| ${name} | ${each.name} | ${rates} | ${costs} | ${median(each.p99).toFixed(0)} |`)
    }
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
