import type { ServerClient } from './server-client.ts'

const rounds = 5

/**
 * Returns true when a pooler gives both connections the same server connection, as in transaction mode. Leaves nothing
 * behind on a server connection. A pooler may take turns, so it asks several times.
 */
export async function isServerShared(client: ServerClient, other: ServerClient): Promise<boolean> {
  const first = await findPid(client)
  for (let round = 0; round < rounds; round++) {
    // A pooler that takes turns gives another server connection to the next statement.
    if ((await findPid(client)) !== first) return true
    await other.query('BEGIN')
    try {
      // In transaction mode `other` now keeps a server connection that `client` had or could get.
      if ((await findPid(other)) === first || (await findPid(client)) !== first) return true
    } finally {
      await other.query('COMMIT')
    }
  }
  return false
}

async function findPid(client: ServerClient): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  return rows[0]?.pid as number
}
