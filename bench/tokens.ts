import { createPrivateKey, sign } from 'node:crypto'
import { promisify } from 'node:util'
import pg from 'pg'

const signAsync = promisify(sign)

/**
 * Creates a session and an access token for each user id that the SQL statement `users` yields in its column `id`.
 * The tokens have the claims of `example`, a token of the gateway, and are signed with the gateway's key.
 */
export async function makeTokens(
  databaseUrl: string,
  pem: string,
  example: string,
  users: string,
): Promise<string[]> {
  const key = createPrivateKey(pem)
  const [header = '', payload = ''] = example.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const { rows } = await client.query(
      `INSERT INTO session (user_id, idle_expires_at, expires_at)
       SELECT id, now() + interval '1 day', now() + interval '1 day' FROM (${users}) u
       RETURNING id AS sid, user_id AS sub`,
    )
    return await Promise.all(
      rows.map(async ({ sid, sub }) => {
        const body = Buffer.from(JSON.stringify({ ...claims, sid, sub, jti: sid })).toString('base64url')
        const signature = await signAsync('sha256', Buffer.from(`${header}.${body}`), key)
        return `${header}.${body}.${signature.toString('base64url')}`
      }),
    )
  } finally {
    await client.end()
  }
}
