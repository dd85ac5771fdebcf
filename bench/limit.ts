import { createPublicKey, sign, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'

// The limit of each case: node:http, one prepared statement and one RSA operation, without checks or framework. Every
// gateway has to do this work. Prints its port and serves until it is stopped.

const [databaseUrl, keyPath] = process.argv.slice(2) as [string, string]
const privateKey = readFileSync(keyPath, 'utf8')
const publicKey = createPublicKey(privateKey)
const jwks = JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] })
const pool = new pg.Pool({ connectionString: databaseUrl })

const readRoles = {
  name: 'limit_webhook',
  text: `SELECT u.id, ARRAY(SELECT r.name::text FROM user_role ur JOIN role r ON r.id = ur.role_id WHERE ur.user_id = u.id) AS roles
         FROM session s JOIN "user" u ON u.id = s.user_id WHERE s.id = $1 AND u.active`,
}
const rotate = {
  name: 'limit_token',
  text: 'UPDATE session SET counter = counter + 1 WHERE id = $1 RETURNING counter',
}

type Payload = { sub: string; sid: string }

function verified(token: string): Payload {
  const [header, payload, signature] = token.split('.') as [string, string, string]
  const data = Buffer.from(`${header}.${payload}`)
  if (!verify('sha256', data, publicKey, Buffer.from(signature, 'base64url')))
    throw new Error('bad signature')
  return JSON.parse(Buffer.from(payload, 'base64url').toString())
}

const tokenOf = (req: IncomingMessage): string => (req.headers.authorization ?? '').slice(7)

async function webhook(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { sid } = verified(tokenOf(req))
  const { rows } = await pool.query({ ...readRoles, values: [sid] })
  answer(res, { 'X-Hasura-User-Id': rows[0].id, 'X-Hasura-Role': rows[0].roles[0] })
}

/** Answers from the token alone, without the database. */
async function verification(req: IncomingMessage, res: ServerResponse): Promise<void> {
  answer(res, { 'X-Hasura-User-Id': verified(tokenOf(req)).sub, 'X-Hasura-Role': 'user' })
}

const remembered = new Map<string, Payload>()

/** Answers from the token alone, and verifies each token once. */
async function memory(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const token = tokenOf(req)
  const payload = remembered.get(token) ?? verified(token)
  remembered.set(token, payload)
  answer(res, { 'X-Hasura-User-Id': payload.sub, 'X-Hasura-Role': 'user' })
}

async function token(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk)
  const { refreshToken } = JSON.parse(Buffer.concat(chunks).toString()) as { refreshToken: string }
  const { rows } = await pool.query({ ...rotate, values: [refreshToken] })
  const data = Buffer.from(`${refreshToken}.${rows[0].counter}`.padEnd(600, 'x'))
  const signature = await new Promise<Buffer>((resolve, reject) =>
    sign('sha256', data, privateKey, (error, bytes) => (error ? reject(error) : resolve(bytes))),
  )
  answer(res, { refreshToken, token: `${data.toString()}.${signature.toString('base64url')}` })
}

function answer(res: ServerResponse, body: object): void {
  const text = JSON.stringify(body)
  res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
  res.end(text)
}

const routes: Record<string, typeof webhook> = {
  '/webhook': webhook,
  '/verification': verification,
  '/memory': memory,
}
const server = createServer((req, res) => {
  if (req.url === '/jwks') {
    res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(jwks) })
    res.end(jwks)
    return
  }
  const route = routes[req.url ?? ''] ?? token
  route(req, res).catch((error: Error) => {
    res.statusCode = 500
    res.end(error.message)
  })
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
