/** A connection to a server, as far as it is needed here. */
type Reader = { query<Row>(text: string): Promise<Row[]> }

/** Returns an identifier of server and database. It is the same for every URL that leads to this database. */
export async function identifyDatabase({ query }: Reader): Promise<string> {
  const [row] = await query<{ identity: string }>(
    `SELECT concat_ws(' ', d.oid, extract(epoch FROM pg_postmaster_start_time())) AS identity
     FROM pg_database d WHERE d.datname = current_database()`,
  )
  return String(row?.identity)
}

/** Throws when the two URLs of a configuration lead to different databases. Migrations would change the wrong one. */
export async function requireSameDatabase(direct: Reader, usual: Reader): Promise<void> {
  if ((await identifyDatabase(direct)) === (await identifyDatabase(usual))) return
  throw new Error('DATABASE_DIRECT_URL leads to another database than DATABASE_URL: correct one of them')
}
