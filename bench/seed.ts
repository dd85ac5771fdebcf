import pg from 'pg'

/** The number of users of the benchmark: `bench0` … with three roles each and the same password. */
export const users = 10_000

/** Fills a migrated database in three statements. `hash` is the hash of every user's password. */
export async function seed(databaseUrl: string, hash: string, count = users): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query(`INSERT INTO role (name) SELECT 'role' || n FROM generate_series(0, 9) n`)
    await client.query(
      `INSERT INTO "user" (username, password) SELECT 'bench' || n, $1 FROM generate_series(0, $2::int - 1) n`,
      [hash, count],
    )
    await client.query(
      `INSERT INTO user_role (user_id, role_id)
       SELECT u.id, r.id FROM "user" u
       JOIN LATERAL (SELECT substr(u.username, 6)::int % 8 AS first) f ON true
       JOIN role r ON substr(r.name, 5)::int BETWEEN f.first AND f.first + 2`,
    )
    await client.query('ANALYZE')
  } finally {
    await client.end()
  }
}
