import { availableParallelism } from 'node:os'
import bcrypt from 'bcrypt'
import pg from 'pg'
import type { Case } from './compare.ts'
import { loadGet, loadInTurn, loadLoops } from './load.ts'
import { type Asked, password, type Stage } from './stage.ts'
import { makeTokens } from './tokens.ts'

const cores = availableParallelism()

/** Returns the cases of login and sign-up. Their limit is bcrypt alone on all cores. */
export function passwordCases({ bare, gateway, hash, seconds }: Stage): Case[] {
  const verifications = () => loadLoops(cores, seconds, () => bcrypt.compare(password, hash))
  const hashes = () => loadLoops(cores, seconds, () => bcrypt.hash(password, 10))
  let named = 0
  const signup = () => {
    const username = `new${process.pid}-${named++}`
    return bare.post('/signup', { username, password, confirmPassword: password })
  }
  const logins = (asked: Asked, inFlight: number) => () => loadLoops(inFlight, seconds, asked.login)
  return [
    { name: 'login, 8 in flight', target: 0.9, product: logins(bare, 8), limit: verifications },
    { name: 'login, 32 in flight', target: 0.9, product: logins(bare, 32), limit: verifications },
    {
      name: 'login with rate limits, 8 in flight',
      product: logins(gateway, 8),
      limit: verifications,
    },
    {
      name: 'sign-up, 8 in flight',
      target: 0.9,
      product: () => loadLoops(8, seconds, signup),
      limit: hashes,
    },
  ]
}

/** Returns the cases without passwords. Their limit is node:http with one prepared statement and one RSA operation. */
export async function requestCases(stage: Stage): Promise<Case[]> {
  const { bare, gateway, limit, seconds } = stage
  const { token = '' } = await bare.login()
  const seen = { authorization: `Bearer ${token}` }
  // More tokens than the cache holds, so that the gateway verifies every token on every request.
  const sessions = 'SELECT id FROM "user" CROSS JOIN generate_series(1, 2) ORDER BY random() LIMIT 16000'
  const tokens = await makeTokens(stage.databaseUrl, stage.pem, token, sessions)
  const unseen = tokens.map((each) => ({ authorization: `Bearer ${each}` }))
  const [askBare, askLimit] = [loadInTurn(unseen), loadInTurn(unseen)]
  const get = ({ base }: Asked, path: string, headers = {}) => loadGet(base + path, 32, seconds, headers)

  const begun = await Promise.all(Array.from({ length: 8 }, gateway.login))
  const refreshTokens = begun.map(({ refreshToken }) => refreshToken)
  const refresh = async (loop: number) => {
    const next = await gateway.post('/token', { refreshToken: refreshTokens[loop] })
    refreshTokens[loop] = next.refreshToken
  }
  const ids = await oldestSessions(stage.databaseUrl)
  return [
    {
      name: '`/webhook` without the cache, 32 in flight',
      target: 0.5,
      product: () => get(bare, '/webhook', seen),
      limit: () => get(limit, '/webhook', seen),
    },
    {
      name: 'the same, each token verified',
      product: () => askBare(`${bare.base}/webhook`, 32, seconds),
      limit: () => askLimit(`${limit.base}/webhook`, 32, seconds),
    },
    {
      name: '`/jwks`, 32 in flight',
      target: 0.3,
      product: () => get(gateway, '/jwks'),
      limit: () => get(limit, '/jwks'),
    },
    {
      name: '`/token`, 8 in flight',
      target: 0.45,
      product: () => loadLoops(8, seconds, refresh),
      limit: () => loadLoops(8, seconds, (loop) => limit.post('/token', { refreshToken: ids[loop] })),
    },
  ]
}

/** Returns the ids of sessions that no other case uses. */
async function oldestSessions(databaseUrl: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const { rows } = await client.query('SELECT id FROM session ORDER BY created_at LIMIT 8')
  await client.end()
  return rows.map(({ id }) => id)
}
