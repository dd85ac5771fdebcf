import type { TestApp } from '../_app.ts'

/** A body that each POST route takes; what it stands for need not exist. */
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

/** The POST routes of clients: strict about members, and with the small limit. */
export const strictRoutes = postRoutes.filter((route) => route !== '/webhook')

export const getRoutes = [
  '/',
  '/user',
  '/webhook',
  '/jwks',
  '/.well-known/jwks.json',
  '/providers',
  '/healthz',
  '/readyz',
]

/** Where a page has the path of a route for programs. */
export const pageRoutes = ['/signup']

/** How many rows there are of what a request could make. */
export async function countRows(app: TestApp): Promise<Record<string, unknown> | undefined> {
  const tables = ['"user"', 'session', 'role', 'user_role', 'identity', 'user_claim', 'authorization_code']
  const counts = tables.map((table) => `(SELECT count(*)::int FROM ${table}) AS ${table}`)
  return (await app.sql(`SELECT ${counts.join(', ')}`))[0]
}
