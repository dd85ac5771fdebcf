import { randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { bearerToken } from '../authentication/bearer.ts'
import { createHasuraClaims, type RoleRules } from '../claims/hasura-claims.ts'
import type { ActiveSession, HasuraClaims } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { createComparison } from '../hasura/shared-secrets.ts'
import { usualHeaderSize } from '../http/header-size.ts'
import { securityHeaders } from '../http/headers.ts'
import { isRequestId } from '../http/request.ts'
import { createWebhookAnswer, remainingOf } from './webhook.ts'

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
function readOrdinary({ method, httpVersion, rawHeaders, url = '' }: IncomingMessage): Ordinary | null {
  if (method !== 'GET' || httpVersion !== '1.1') return null
  const started = performance.now()
  const values: (string | undefined)[] = []
  let length = url.length
  // It alternates names and values.
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string
    const value = rawHeaders[at + 1] as string
    length += name.length + value.length + 4
    const place = places[name.toLowerCase()]
    if (place === undefined) continue
    if (place === refused || values[place] !== undefined) return null
    values[place] = value
  }
  const [host, authorization = '', role = '', given = '', secret = ''] = values
  // Node decodes headers as Latin-1, and the plain path decodes the role as UTF-8.
  if (host === undefined || length > usualHeaderSize || /[\x80-\xff]/.test(role)) return null
  return { requestId: isRequestId(given) ? given : randomUUID(), authorization, role, secret, started }
}

const refused = -1

// A header that comes twice, a page of another origin, and a body make a request that is not ordinary.
const places: Readonly<Record<string, number>> = Object.assign(Object.create(null), {
  host: 0,
  authorization: 1,
  'x-hasura-role': 2,
  'x-request-id': 3,
  'x-webhook-secret': 4,
  origin: refused,
  expect: refused,
  'content-length': refused,
  'transfer-encoding': refused,
})

/** The UTF-8 bytes of a text, read as Latin-1: Node writes this text in one piece with the headers, and fastest. */
type Bytes = string

const bytesOf = (text: string): Bytes => Buffer.from(text).toString('latin1')

type Write = (res: ServerResponse, ordinary: Ordinary, body: Bytes) => void

/** Creates the function that writes an answer of a route, with the headers of every answer and its `Cache-Control`. */
function createWrite({ config, metrics, log }: Dependencies, route: string, cacheControl: string): Write {
  const headers = Object.entries({
    ...securityHeaders(config.publicUrl),
    'Cache-Control': cacheControl,
    Vary: 'Origin',
    'Content-Type': 'application/json; charset=utf-8',
  }).flat()
  return (res, { requestId, started }, body) => {
    res.writeHead(200, ['X-Request-Id', requestId, ...headers, 'Content-Length', String(body.length)])
    res.end(body, 'latin1')
    const answered = { method: 'GET', route, status: 200 }
    metrics?.observeRequest(answered, started)
    if (log.isLevelEnabled('debug'))
      log.debug({ requestId, ...answered, ms: Math.round(performance.now() - started) }, 'request')
  }
}

function answerJwks(deps: Dependencies, plain: RequestListener, route: string): Answer {
  const write = createWrite(deps, route, `public, max-age=${deps.config.jwksMaxAge}`)
  let written = { jwks: '', bytes: '' }
  return (req, res, ordinary) => {
    // It throws while the keys are unknown.
    const jwks = orUndefined(() => deps.keys.jwks)
    if (jwks === undefined) return plain(req, res)
    if (written.jwks !== jwks) written = { jwks, bytes: bytesOf(jwks) }
    write(res, ordinary, written.bytes)
  }
}

/** Returns the answer in a role, up to the number of seconds; null for a role that the user does not have. */
type Prepare = (access: ActiveSession, role: string) => Bytes | null

/**
 * Creates a function that prepares the answer of a session object once, as a cached session comes again. It keeps the
 * last role only: the answers in all roles would be many times as large as the session, whose size the cache limits.
 */
function createPrepare(roles: RoleRules): Prepare {
  const prepared = new WeakMap<ActiveSession, { claims: HasuraClaims; role: string; bytes: Bytes }>()
  return (access, role) => {
    const known = prepared.get(access)
    if (known?.role === role) return known.bytes
    const claims = known?.claims ?? createHasuraClaims(access, roles)
    // The plain path writes a log line about them.
    if (claims.leftOut.length > 0) return null
    if (role !== '' && !claims.allowedRoles.includes(role)) return null
    const bytes = bytesOf(JSON.stringify(createWebhookAnswer(claims, role, 0)).slice(0, -'0"}'.length))
    prepared.set(access, { claims, role, bytes })
    return bytes
  }
}

function answerWebhook(deps: Dependencies, plain: RequestListener): Answer {
  const { config, accessTokens, webhookReads, clock } = deps
  const prepare = createPrepare(config.roles)
  const write = createWrite(deps, '/webhook', 'no-store')
  const isExpected = config.webhookSecret === undefined ? () => true : createComparison(config.webhookSecret)

  return (req, res, ordinary) => {
    const { authorization, role, secret } = ordinary
    const token = bearerToken(authorization)
    if (token === undefined || !isExpected(Buffer.from(secret, 'latin1'))) return plain(req, res)
    const bearer = orUndefined(() => accessTokens.verifyNow(token, clock()))
    if (bearer === undefined) return plain(req, res)
    const reading = webhookReads.read(bearer)
    const toPlain = () => {
      webhookReads.handOver(req, reading)
      plain(req, res)
    }
    const answer = (access: ActiveSession | null) => {
      const bytes = access && prepare(access, role)
      if (bytes === null) return toPlain()
      write(res, ordinary, `${bytes}${remainingOf(bearer, clock())}"}`)
    }
    reading.then(answer).catch(() => (res.headersSent ? res.destroy() : toPlain()))
  }
}

/** Returns the result of `read`; undefined where it throws. */
function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
