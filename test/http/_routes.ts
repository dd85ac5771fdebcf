import type { TestApp } from '../_app.ts'

/** A valid body of each POST route. Its users and tokens need not exist. */
export const postBodies: Record<string, Record<string, unknown>> = {
  '/signup': {
    username: 'intruder',
    password: 'correct horse',
    confirmPassword: 'correct horse',
    email: 'a@b.test',
  },
  '/login': { username: 'intruder', password: 'correct horse' },
  '/token': { refreshToken: 'cgr_x' },
  '/token/exchange': { code: 'x', codeVerifier: 'v'.repeat(43) },
  '/logout': { refreshToken: 'cgr_x', everywhere: true },
  '/webhook': { headers: { Authorization: 'Bearer x.y.z' }, request: null },
}

export const postRoutes = Object.keys(postBodies)

/** The POST routes of clients, which reject unknown members and have the small limit. */
export const strictRoutes = postRoutes.filter((route) => route !== '/webhook')

export const getRoutes = [
  '/',
  '/user',
  '/webhook',
  '/jwks',
  '/.well-known/jwks.json',
  '/.well-known/openid-configuration',
  '/providers',
  '/healthz',
  '/readyz',
]

/** The paths that a page shares with a JSON route. */
export const pageRoutes = ['/signup']

/** Counts the rows of each table that a request can add rows to. */
export async function countRows(app: TestApp): Promise<Record<string, unknown> | undefined> {
  const tables = ['"user"', 'session', 'role', 'user_role', 'identity', 'user_claim', 'authorization_code']
  const counts = tables.map((table) => `(SELECT count(*)::int FROM ${table}) AS ${table}`)
  return (await app.sql(`SELECT ${counts.join(', ')}`))[0]
}
