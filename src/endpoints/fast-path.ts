import { randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { bearerToken } from '../authentication/bearer.ts'
import { createClaimsOf } from '../claims/claims-proxy.ts'
import type { HasuraClaims } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { createComparison } from '../hasura/shared-secrets.ts'
import { usualHeaderSize } from '../http/header-size.ts'
import { securityHeaders } from '../http/headers.ts'
import { isRequestId } from '../http/request.ts'
import { createWebhookAnswer } from './webhook.ts'

/** A request without anything unusual: the headers that matter here, each of which came at most once. */
type Ordinary = {
  requestId: string
  authorization: string
  role: string
  secret: string
  /** By `performance.now()`. */
  started: number
}

type Answer = (req: IncomingMessage, res: ServerResponse, ordinary: Ordinary) => void

/**
 * Answers the frequent requests of Hasura with less work: `GET /jwks`, and `GET /webhook` of a known user. It answers
 * only ordinary requests, and only with 200. Every other request, and every failure, goes to `plain`: the
 * application with all its steps. test/endpoints/fast-path.test.ts compares the answers of both.
 */
export function fastPath(deps: Dependencies, plain: RequestListener): RequestListener {
  // A span contains the steps of the application.
  if (deps.tracing) return plain
  const answers = new Map<string | undefined, Answer>([
    ['/jwks', answerJwks(deps, plain, '/jwks')],
    ['/.well-known/jwks.json', answerJwks(deps, plain, '/.well-known/jwks.json')],
    ['/webhook', answerWebhook(deps, plain)],
  ])
  return (req, res) => {
    const answer = answers.get(req.url)
    const ordinary = answer && readOrdinary(req)
    if (!ordinary) return plain(req, res)
    answer(req, res, ordinary)
  }
}

/** Reads an ordinary request; null for any other. */
function readOrdinary(req: IncomingMessage): Ordinary | null {
  const { method, httpVersion, rawHeaders, headers, url = '' } = req
  if (method !== 'GET' || httpVersion !== '1.1' || headers.host === undefined) return null
  let length = url.length
  let seen = 0
  // It alternates names and values.
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string
    length += name.length + (rawHeaders[at + 1] as string).length + 4
    const known = bits[name.toLowerCase()]
    if (known === undefined) continue
    if (known === refused || (seen & known) !== 0) return null
    seen |= known
  }
  const role = textOf(headers['x-hasura-role'])
  // Node decodes headers as Latin-1, and the plain path decodes the role as UTF-8.
  if (length > usualHeaderSize || /[\x80-\xff]/.test(role)) return null
  const given = textOf(headers['x-request-id'])
  return {
    requestId: isRequestId(given) ? given : randomUUID(),
    authorization: textOf(headers.authorization),
    role,
    secret: textOf(headers['x-webhook-secret']),
    started: performance.now(),
  }
}

const refused = 0

// A header that came twice, a page of another origin, and a body make a request that is not ordinary.
const bits: Readonly<Record<string, number>> = Object.assign(Object.create(null), {
  host: 1,
  authorization: 2,
  'x-hasura-role': 4,
  'x-request-id': 8,
  'x-webhook-secret': 16,
  origin: refused,
  expect: refused,
  'content-length': refused,
  'transfer-encoding': refused,
})

function textOf(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : ''
}

type Write = (res: ServerResponse, ordinary: Ordinary, body: string) => void

/** Creates the function that writes an answer of a route, with the headers of every answer and its `Cache-Control`. */
function createWrite({ config, metrics, log }: Dependencies, route: string, cacheControl: string): Write {
  const headers = Object.entries({
    ...securityHeaders(config.publicUrl),
    'Cache-Control': cacheControl,
    Vary: 'Origin',
    'Content-Type': 'application/json; charset=utf-8',
  }).flat()
  return (res, { requestId, started }, body) => {
    const length = String(Buffer.byteLength(body))
    res.writeHead(200, ['X-Request-Id', requestId, ...headers, 'Content-Length', length])
    res.end(body)
    const answered = { method: 'GET', route, status: 200 }
    metrics?.observeRequest(answered, started)
    if (log.isLevelEnabled('debug'))
      log.debug({ requestId, ...answered, ms: Math.round(performance.now() - started) }, 'request')
  }
}

function answerJwks(deps: Dependencies, plain: RequestListener, route: string): Answer {
  const write = createWrite(deps, route, `public, max-age=${deps.config.jwksMaxAge}`)
  return (req, res, ordinary) => {
    const body = readJwks(deps)
    if (body === null) plain(req, res)
    else write(res, ordinary, body)
  }
}

/** Returns the public keys; null while they are unknown. */
function readJwks({ keys }: Dependencies): string | null {
  try {
    return keys.jwks
  } catch {
    return null
  }
}

/** The answer to a user, by role, up to the number of seconds. */
type Prepared = Map<string, string>

function answerWebhook(deps: Dependencies, plain: RequestListener): Answer {
  const { config, accessTokens, webhookReads, clock } = deps
  const claimsOf = createClaimsOf(config.roles)
  const write = createWrite(deps, '/webhook', 'no-store')
  const prepared = new WeakMap<HasuraClaims, Prepared>()
  const isExpected = config.webhookSecret === undefined ? () => true : createComparison(config.webhookSecret)

  function prepare(claims: HasuraClaims, role: string): string {
    const ofUser = prepared.get(claims) ?? new Map()
    const known = ofUser.get(role)
    if (known !== undefined) return known
    const text = JSON.stringify(createWebhookAnswer(claims, role, 0)).slice(0, -'0"}'.length)
    prepared.set(claims, ofUser.set(role, text))
    return text
  }

  return (req, res, ordinary) => {
    const { authorization, role, secret } = ordinary
    const token = bearerToken(authorization)
    if (token === undefined || !isExpected(Buffer.from(secret, 'latin1'))) return plain(req, res)
    const answer = async () => {
      const bearer = await accessTokens.verify(token, clock())
      const access = await webhookReads.begin(req, bearer)
      if (access === null) return plain(req, res)
      const claims = claimsOf(access)
      const asked = role || claims.defaultRole
      if (claims.leftOut.length > 0 || !claims.allowedRoles.includes(asked)) return plain(req, res)
      const remaining = bearer.expiresAt - Math.floor(clock().getTime() / 1000)
      write(res, ordinary, `${prepare(claims, asked)}${remaining}"}`)
    }
    answer().catch(() => (res.headersSent ? res.destroy() : plain(req, res)))
  }
}
