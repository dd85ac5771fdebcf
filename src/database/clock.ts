import type { Database } from './database.ts'

const now = { name: 'clock', text: 'SELECT clock_timestamp() AS now' }

/** What time it is in the database. */
export async function readClock({ query }: Pick<Database, 'query'>): Promise<Date> {
  const [row] = await query<{ now: Date }>(now, [])
  if (!row) throw new Error('the database has no clock')
  return row.now
}
