import { createPublicKey, type KeyObject, verify } from 'node:crypto'

/** A parsed JSON object with unknown members. */
export type JsonObject = Record<string, unknown>

/** The keys that `readJwks` returns and `readToken` verifies with: kid → key. */
export type Keys = Map<string, { publicKey: KeyObject }>

/** The members under the claims namespace, after every rule about them has held. */
export interface HasuraClaims {
  [name: string]: string | string[]
  'x-hasura-allowed-roles': string[]
  'x-hasura-default-role': string
  'x-hasura-user-id': string
}

/** The configuration of the reading Hasura, and its clock. */
export interface TokenOptions {
  /** Seconds since 1970. */
  now: number
  issuer: string
  audience: string
  /** `claims_namespace`. Default `https://hasura.io/jwt/claims`. */
  namespace?: string
  /** `claims_format`. Default `json`. */
  format?: 'json' | 'stringified_json'
  /** `allowed_skew` in seconds. Default 0. */
  skew?: number
  /** `json`: Hasura v3 with session variables in JSON. Default `text`: Hasura v2. */
  values?: 'text' | 'json'
}

/** Further facts about the webhook's answer. */
export interface WebhookOptions {
  /** Seconds since 1970, taken before the webhook was asked. Default: the clock. */
  now?: number
  /** `exp` of the credential: the answer has to name an end, and not a later one. */
  expires?: number
  /** `json`: Hasura v3 with session variables in JSON. Default `text`: Hasura v2. */
  values?: 'text' | 'json'
}

const members = ['alg', 'e', 'kid', 'kty', 'n', 'use']
const fixed = { kty: 'RSA', use: 'sig', alg: 'RS256' }

/**
 * Reads a JWKS as strictly as Hasura v2, which refuses the whole set for one bad member of one key. Optional
 * members (`key_ops`, `x5t`) are refused even when good: a key has exactly the six that Claimgate promises.
 * With `headers`, these must make Hasura fetch the set again in time. Throws on the first rule broken.
 */
export function readJwks(body: string | Buffer, headers?: Headers): Keys {
  if (headers) readJwksHeaders(headers)
  const set = parseObject(body, 'JWKS')
  rule(Array.isArray(set.keys), 'JWKS: keys is not an array')
  rule(set.keys.length > 0, 'JWKS: keys is empty')
  const keys: Keys = new Map()
  for (const [index, key] of set.keys.entries()) {
    const { kid, publicKey } = readJwk(key, `JWKS: keys[${index}]`)
    rule(!keys.has(kid), `JWKS: keys[${index}].kid ${kid} is used twice`)
    keys.set(kid, { publicKey })
  }
  return keys
}

function readJwksHeaders(headers: Headers): void {
  const type = headers.get('content-type')?.split(';')[0]
  rule(type === 'application/json', `JWKS: Content-Type ${type} is not application/json`)
  const control = headers.get('cache-control') ?? ''
  rule(!/no-(cache|store)/i.test(control), `JWKS: Cache-Control ${control} makes Hasura fetch every second`)
  const lifetime = control.split(/, ?/).find((directive) => /^(max-age|s-maxage)/.test(directive)) ?? ''
  rule(/^max-age=[1-9]\d*$/.test(lifetime), `JWKS: Cache-Control ${control} has no max-age above 0`)
}

function readJwk(key: unknown, where: string): { kid: string; publicKey: KeyObject } {
  rule(isObject(key), `${where} is not an object`)
  for (const [name, value] of Object.entries(fixed)) {
    rule(key[name] === value, `${where}.${name} is not ${value}: ${JSON.stringify(key[name])}`)
  }
  const { kid } = key
  rule(isText(kid), `${where}.kid is not a non-empty string`)
  for (const name of ['n', 'e']) {
    const number = decode(key[name], `${where}.${name}`)
    rule(number.length > 0, `${where}.${name} is empty`)
    rule(number[0] !== 0, `${where}.${name} has a leading zero byte`)
  }
  const found = Object.keys(key).sort()
  rule(found.join() === members.join(), `${where} has the members ${found}, not exactly ${members}`)
  const publicKey = createPublicKey({ key, format: 'jwk' })
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0
  rule(bits >= 2048, `${where}.n has ${bits} bits, fewer than 2048`)
  return { kid, publicKey }
}

/**
 * Reads an access token the way Hasura v2 does, in its order of checks, and holds it to v3's rules and to
 * what Claimgate promises: `jti`, `sid`, `name`, `auth_time`, `amr`, `acr`, roles sorted by code unit. Throws on the
 * first rule broken.
 */
export function readToken(
  token: string,
  keys: Keys,
  options: TokenOptions,
): { header: JsonObject; payload: JsonObject; claims: HasuraClaims } {
  const parts = token.split('.')
  rule(parts.length === 3, `token: ${parts.length} parts instead of 3`)
  const [head, body, signature] = parts.map((part, index) =>
    decode(part, `token: ${['header', 'payload', 'signature'][index]}`),
  ) as [Buffer, Buffer, Buffer]
  const header = parseObject(head, 'token: header')
  readHeader(header)
  const payload = parseObject(body, 'token: payload')
  readTypes(payload)
  const key = keys.get(header.kid as string)
  rule(key !== undefined, `token: kid ${header.kid} is not in the JWKS`)
  const signed = Buffer.from(token.slice(0, token.lastIndexOf('.')))
  rule(verify('RSA-SHA256', signed, key.publicKey, signature), 'token: the signature does not verify')
  readTimes(payload, options.now, options.skew ?? 0)
  rule(payload.iss === options.issuer, `token: iss ${payload.iss} is not ${options.issuer}`)
  rule([payload.aud].flat().includes(options.audience), `token: aud ${payload.aud} lacks ${options.audience}`)
  return { header, payload, claims: readClaims(payload, options) }
}

function readHeader({ alg, typ, kid, crit }: JsonObject): void {
  rule(alg === 'RS256', `token: alg ${alg} is not RS256`)
  rule(typ === 'JWT', `token: typ ${typ} is not JWT`)
  rule(kid !== undefined, 'token: kid is missing')
  rule(typeof kid === 'string', 'token: kid is not a string')
  rule(crit === undefined, `token: crit names unknown extensions: ${JSON.stringify(crit)}`)
}

function readTypes({ iss, sub, aud, exp, iat, nbf = 0, ...others }: JsonObject): void {
  for (const [name, values] of Object.entries({ iss: [iss], sub: [sub], aud: [aud].flat() })) {
    for (const value of values) {
      rule(typeof value === 'string', `token: ${name} is not a string`)
      rule(!value.includes(':') || isUri(value), `token: ${name} ${value} has a colon and is not a URI`)
    }
  }
  for (const [name, value] of Object.entries({ exp, iat, nbf })) {
    rule(Number.isFinite(value), `token: ${name} is not a number`)
  }
  for (const name of ['jti', 'sid', 'name']) {
    rule(isText(others[name]), `token: ${name} is not a non-empty string`)
  }
  const { auth_time: authTime, amr, acr } = others
  rule(Number.isInteger(authTime), 'token: auth_time is not a whole number')
  rule(Number(authTime) <= Number(iat), `token: auth_time ${authTime} is after iat ${iat}`)
  rule(Array.isArray(amr) && amr.every(isText), 'token: amr is not an array of non-empty strings')
  rule(acr === '1' || acr === '2', `token: acr ${acr} is neither '1' nor '2'`)
}

function readTimes(payload: JsonObject, now: number, skew: number): void {
  const { exp, iat, nbf = 0 } = payload as { exp: number; iat: number; nbf?: number }
  rule(now < exp + skew, `token: expired at ${exp}, now is ${now}`)
  rule(iat <= now + skew, `token: iat ${iat} is in the future, now is ${now}`)
  rule(nbf <= now + skew, `token: nbf ${nbf} is in the future, now is ${now}`)
}

function readClaims(
  payload: JsonObject,
  { namespace = 'https://hasura.io/jwt/claims', format = 'json', values = 'text' }: TokenOptions,
): HasuraClaims {
  const found = payload[namespace]
  rule(found !== undefined, `claims: ${namespace} is missing`)
  const type = format === 'json' ? 'object' : 'string'
  rule(typeof found === type, `claims: ${typeof found} although claims_format is ${format}`)
  const claims = typeof found === 'string' ? parseObject(found, 'claims') : found
  rule(isObject(claims), 'claims: not an object')
  for (const [name, value] of Object.entries(claims)) {
    rule(name === name.toLowerCase(), `claims: ${name} is not lower-case`)
    rule(/^x-hasura-./.test(name), `claims: ${name} is unknown to Hasura`)
    rule(name !== 'x-hasura-role', 'claims: x-hasura-role is role emulation')
    if (values === 'json') rule(value !== null, `claims: ${name} is null`)
    else
      rule(name === 'x-hasura-allowed-roles' || typeof value === 'string', `claims: ${name} is not a string`)
  }
  const { 'x-hasura-allowed-roles': roles, 'x-hasura-default-role': defaultRole } = claims
  rule(Array.isArray(roles), 'claims: x-hasura-allowed-roles is not an array')
  rule(roles.every(isText), `claims: not every allowed role is a non-empty string: ${JSON.stringify(roles)}`)
  rule(new Set(roles).size === roles.length, `claims: allowed roles have duplicates: ${roles}`)
  const sorted = roles.every((role, index) => (roles[index - 1] ?? '') < role)
  rule(sorted, `claims: allowed roles are not sorted: ${roles}`)
  const allowed = isText(defaultRole) && roles.includes(defaultRole)
  rule(allowed, `claims: default role ${defaultRole} is not one of ${roles}`)
  rule(claims['x-hasura-user-id'] === payload.sub, 'claims: x-hasura-user-id is not sub')
  return claims as HasuraClaims
}

/**
 * Reads a webhook's answer the way Hasura v2 does: 200 with an object of strings that names a role, or 401.
 * `Cache-Control` and `Expires` count as members of the body, in this spelling. Returns the session variables
 * by lower-case name, or null for 401. Throws where Hasura would answer with an error or lose a member.
 */
export function readWebhook(
  status: number,
  body: string | Buffer,
  { now = Date.now() / 1000, expires, values = 'text' }: WebhookOptions = {},
): Map<string, string> | null {
  if (status === 401) return null
  rule(status === 200, `webhook: status ${status} is neither 200 nor 401`)
  const answer = parseObject(body, 'webhook')
  const variables = new Map<string, string>()
  for (const [name, value] of Object.entries(answer)) {
    const isJson = values === 'json' && /^x-hasura-/.test(name)
    rule(typeof value === 'string' || (isJson && value !== null), `webhook: ${name} is not a string`)
    if (name === 'Cache-Control' || name === 'Expires') continue
    const lowerCased = name.toLowerCase()
    rule(/^x-hasura-./.test(lowerCased), `webhook: ${name} is unknown to Hasura`)
    rule(!variables.has(lowerCased), `webhook: ${name} is there twice, in different case`)
    variables.set(lowerCased, value as string)
  }
  rule(variables.has('x-hasura-role'), 'webhook: x-hasura-role is missing')
  rule(variables.get('x-hasura-role') !== '', 'webhook: x-hasura-role is empty')
  const end = readEnd(answer as Record<string, string>, now)
  rule(
    expires === undefined || end <= expires,
    `webhook: lasts until ${end}, past the credential's ${expires}`,
  )
  return variables
}

/** The type of an argument or a comparison in Hasura v3: a built-in scalar, a scalar of the connector, or a list. */
export type ArgumentType = 'Int' | 'Float' | 'Boolean' | 'String' | 'Custom' | [ArgumentType]

/** The compatibility date from which the session variables of Hasura v3 are JSON. */
export const jsonSessionVariables = '2024-10-16'

/**
 * Reads a session variable for a permission the way Hasura v3 does: from 2024-10-16 on as JSON of exactly the type,
 * before that from text, never as a list. Throws where v3 would answer its client with an error.
 */
export function readArgument(value: unknown, type: ArgumentType, date = jsonSessionVariables): unknown {
  if (date < jsonSessionVariables) return readTextArgument(value, type)
  if (Array.isArray(type)) {
    rule(Array.isArray(value), `v3: ${JSON.stringify(value)} is not a list`)
    return value.map((element) => readArgument(element, type[0], date))
  }
  const isOfType = {
    Int: Number.isInteger(value),
    Float: typeof value === 'number',
    Boolean: typeof value === 'boolean',
    String: typeof value === 'string',
    Custom: true,
  }
  rule(isOfType[type], `v3: ${JSON.stringify(value)} is not of the type ${type}`)
  return value
}

function readTextArgument(value: unknown, type: ArgumentType): unknown {
  rule(typeof value === 'string', `v3: ${JSON.stringify(value)} is not text`)
  rule(!Array.isArray(type), 'v3: a list is never read from text')
  if (type === 'String' || type === 'Custom') return value
  if (type === 'Boolean') rule(/^(true|false)$/.test(value), `v3: ${value} is not a Boolean`)
  else
    rule(
      type === 'Int' ? /^-?\d+$/.test(value) : isText(value) && !Number.isNaN(Number(value)),
      `v3: ${value} is not of the type ${type}`,
    )
  return JSON.parse(value)
}

function readEnd({ 'Cache-Control': control, Expires: date }: Record<string, string>, now: number): number {
  const end = date === undefined ? Number.POSITIVE_INFINITY : Date.parse(date) / 1000
  rule(
    date === undefined || new Date(date).toUTCString() === date,
    `webhook: Expires ${date} is not an HTTP date`,
  )
  rule(end > now, `webhook: Expires ${date} is in the past`)
  if (control === undefined) return end
  const seconds = /^max-age=([1-9]\d*)$/.exec(control)?.[1]
  rule(seconds !== undefined, `webhook: Cache-Control ${control} is not max-age=N`)
  return now + Number(seconds)
}

const notForwarded = `accept accept-datetime accept-encoding accept-language cache-control connection
  content-length content-md5 content-type dnt host origin referer user-agent`.split(/\s+/)

/** The headers of Hasura's GET to the webhook: the client's, even `x-hasura-*`, without the common ones. */
export function webhookGetHeaders(client: Record<string, string>): Record<string, string> {
  const forwarded = Object.entries(client).filter(([name]) => !notForwarded.includes(name.toLowerCase()))
  return {
    'Content-Type': 'application/json',
    'User-Agent': 'hasura-graphql-engine/v2.48.0',
    ...Object.fromEntries(forwarded),
  }
}

/**
 * The body of Hasura's POST (`Content-Type: application/json`) to the webhook: all of the client's headers in
 * the client's case, and the GraphQL request, or null for a websocket that opens.
 */
export function webhookPostBody(client: Record<string, string>, query?: object): string {
  return JSON.stringify({ headers: client, request: query ?? null })
}

/** Hasura's data about its client, and the configuration of the action. */
export interface ActionOptions {
  /** `session_variables`: the resolved ones, or what an anonymous client wrote. */
  variables?: JsonObject
  /** Sent as `X-Action-Secret`, from `headers` of the action's definition. */
  secret?: string
  /** The client's own headers; they are handed on because of `forward_client_headers: true`. */
  client?: Record<string, string>
}

/** Returns Hasura's request for an action: configured headers win over the client's headers. */
export function actionRequest(
  name: string,
  input: JsonObject,
  { variables = { 'x-hasura-role': 'anonymous' }, secret, client = {} }: ActionOptions,
): { raw: string; headers: Record<string, string> } {
  const headers = { ...forward(client), ...(secret !== undefined && { 'X-Action-Secret': secret }) }
  const request_query = `mutation { ${name} { __typename } }`
  return {
    headers,
    raw: JSON.stringify({ action: { name }, input, session_variables: variables, request_query }),
  }
}

/** Returns Hasura's request to a remote schema: session variables are headers that clients cannot set. */
export function remoteRequest(
  query: string,
  given: JsonObject,
  { variables = { 'x-hasura-role': 'anonymous' }, secret, client = {} }: ActionOptions,
): { raw: string; headers: Record<string, string> } {
  const own = Object.entries(forward(client)).filter(([name]) => !/^x-hasura-/i.test(name))
  const headers = {
    ...Object.fromEntries(own),
    ...(variables as Record<string, string>),
    ...(secret !== undefined && { 'X-Action-Secret': secret }),
  }
  return { headers, raw: JSON.stringify({ query, variables: given, operationName: null }) }
}

/** Returns the headers of every request for a client whose headers are forwarded. */
function forward(client: Record<string, string>): Record<string, string> {
  const forwarded = Object.entries(client).filter(([name]) => !notForwarded.includes(name.toLowerCase()))
  return {
    ...Object.fromEntries(forwarded),
    'Content-Type': 'application/json',
    'User-Agent': 'hasura-graphql-engine/v2.48.0',
  }
}

/** The result of a remote schema for Hasura's client. */
export type RemoteAnswer = {
  data: JsonObject | null
  errors: { message: string; extensions: JsonObject; path?: (string | number)[] }[]
}

/** Reads the answer of a remote schema: 200 with `data`, `errors` or both. Hasura hides other answers from its client. */
export function readRemote(status: number, body: string | Buffer): RemoteAnswer {
  rule(status === 200, `remote schema: status ${status} is hidden from the client`)
  const { data = null, errors = [], ...others } = parseObject(body, 'remote schema')
  rule(Object.keys(others).length === 0, `remote schema: ${Object.keys(others)} beside data and errors`)
  rule(data === null || isObject(data), 'remote schema: data is not an object')
  rule(Array.isArray(errors), 'remote schema: errors is not an array')
  rule(data !== null || errors.length > 0, 'remote schema: neither data nor errors')
  for (const error of errors) {
    rule(isObject(error) && isText(error.message), 'remote schema: an error has no message')
    rule(isObject(error.extensions), 'remote schema: extensions is not an object')
  }
  return { data, errors }
}

/** The result of an action for Hasura's client: a value, or an error of the handler. */
export type ActionAnswer = { value: unknown } | { message: string; extensions: JsonObject }

/**
 * Reads the answer of an action's handler the way Hasura v2 does: 2xx with a JSON value, or a 4xx with an object that
 * has a `message` and perhaps `extensions`. Throws where Hasura would tell its client only "internal error".
 */
export function readAction(status: number, body: string | Buffer): ActionAnswer {
  if (status >= 200 && status < 300) return { value: parseJson(body, 'action') }
  rule(status >= 400 && status < 500, `action: status ${status} is hidden from the client`)
  const { message, extensions = {}, ...others } = parseObject(body, 'action')
  rule(isText(message), 'action: message is not a non-empty string')
  rule(isObject(extensions), 'action: extensions is not an object')
  rule(Object.keys(others).length === 0, `action: ${Object.keys(others)} beside message and extensions`)
  return { message, extensions }
}

function rule(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(message)
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

const isUri = (value: string): boolean =>
  /^[a-z][a-z\d+.-]*:(?:[\w.~:/?[\]@!$&'()*+,;=-]|%[\da-f]{2})*(?:#[^#\s]*)?$/i.test(value) &&
  URL.canParse(value)

function parseObject(body: string | Buffer, what: string): JsonObject {
  const value = parseJson(body, what)
  rule(isObject(value), `${what}: not a JSON object`)
  return value
}

function parseJson(body: string | Buffer, what: string): unknown {
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  try {
    return JSON.parse(typeof body === 'string' ? body : utf8.decode(body))
  } catch {
    throw new Error(`${what}: not JSON in UTF-8`)
  }
}

/** Bytes of unpadded base64url with no spare bits set, so that one value has one spelling. */
function decode(text: unknown, what: string): Buffer {
  rule(typeof text === 'string', `${what} is not a string`)
  const bytes = Buffer.from(text, 'base64url')
  rule(bytes.toString('base64url') === text, `${what} is not unpadded base64url`)
  return bytes
}
