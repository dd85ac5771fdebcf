import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { createHashThreads, shareOfCores } from '../src/authentication/hash-threads.ts'
import { loadProviders, namesByKind } from '../src/authentication/load-providers.ts'
import { type Config, parseConfig } from '../src/config/config.ts'
import type { KeyFiles } from '../src/config/keys.ts'
import { eventCodes } from '../src/observability/event-codes.ts'
import { createLog } from '../src/observability/log.ts'
import { loadPages } from '../src/pages/assets.ts'
import { type Gateway, startGateway } from '../src/process/gateway.ts'
import type { Document } from '../src/reference/openapi.ts'
import { makeDirectory } from './_directory.ts'
import { requireDocumented } from './_documented.ts'
import { type HasuraClaims, readJwks, readToken, readWebhook } from './_hasura.ts'
import { takeSigningKey } from './_keys.ts'
import { databasesOf } from './_postgres.ts'
import { isLong } from './_rounds.ts'
import { refuseSecrets, remember, rememberIn, rememberMessage } from './_secrets.ts'
import type { ExecutionContext } from './_test.ts'

/** The folder of package.json, relative to dist/test. */
export const root = new URL('../../', import.meta.url)

/** The databases of a suite: the embedded database, and the server that the launcher started. */
export type Engine = 'embedded' | 'server'

const serverUrl = process.env.CLAIMGATE_TEST_POSTGRES

/** Both databases, or only the embedded database when the launcher runs without a server. */
export const engines: readonly Engine[] = serverUrl ? ['embedded', 'server'] : ['embedded']

/** The database of tests that need only one: the server, on which a gateway starts several times as fast. */
export const quick: Engine = engines.at(-1) ?? 'embedded'

/** The time limit of a database in seconds: a machine that is busy with other tests is slow. */
export const patience = 30

/** Both databases in `npm run test:long`, else the quick one: for routes whose SQL is the same on both. */
export const enginesOfRun: readonly Engine[] = isLong ? engines : [quick]

/** A session in an answer of the gateway. */
export type SessionBody = {
  id: string
  username: string
  emailVerified: boolean
  roles: string[]
  defaultRole: string
  level: number
  token: string
  tokenType: string
  expiresIn: number
  refreshToken: string
  refreshExpiresIn: number
}

export type Answer<Body = Record<string, unknown>> = {
  status: number
  headers: Headers
  text: string
  body: Body
}

export type CallOptions = { body?: unknown; raw?: string | Buffer; headers?: Record<string, string> }

export type TestApp = {
  /** The address; the public URL differs, so that a test notices a URL made from the Host header. */
  url: string
  config: Config
  gateway: Gateway
  /** The clock stands still until a test moves it. */
  clock: { now: Date; advance(seconds: number): void }
  /** The parsed log lines. */
  logs: Record<string, unknown>[]
  call<Body = Record<string, unknown>>(
    method: string,
    path: string,
    options?: CallOptions,
  ): Promise<Answer<Body>>
  get<Body = Record<string, unknown>>(path: string, headers?: Record<string, string>): Promise<Answer<Body>>
  post<Body = Record<string, unknown>>(path: string, body: unknown): Promise<Answer<Body>>
  /** Returns the requests of a signed-in user: each has the access token of the session. */
  as(session: { token: string }): Pick<TestApp, 'call' | 'get' | 'post'>
  /** Signs a user up over HTTP. */
  signup(username: string, password?: string): Promise<SessionBody>
  login(username: string, password?: string): Promise<Answer<SessionBody>>
  /** Returns the claims of a token, as Hasura reads them. */
  claimsOf(token: string): Promise<HasuraClaims>
  sql<Row = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>
  close(): Promise<void>
}

export type AppOptions = {
  /** Default: the quick one. */
  engine?: Engine
  env?: Record<string, string>
  files?: KeyFiles
  databaseUrl?: string
  /** A running clock instead of a clock that stands still. */
  now?: () => Date
  /** The requests of the gateway to providers. */
  fetch?: typeof globalThis.fetch
}

/** Creates an empty database on the launcher's server, which is removed with the server. */
export const createServerDatabase = (): Promise<string> => createDatabase()

/** Creates a migrated database on the launcher's server. */
export const createMigratedDatabase = (): Promise<string> =>
  createDatabase(process.env.CLAIMGATE_TEST_TEMPLATE)

async function createDatabase(template?: string): Promise<string> {
  if (!serverUrl) throw new Error('no PostgreSQL server: run the tests with npm test')
  return databasesOf(serverUrl).createDatabase(`test_${randomUUID().replaceAll('-', '')}`, template)
}

// Every gateway of a worker would start threads of its own.
const hashThreads = createHashThreads({ size: shareOfCores(availableParallelism(), 1) })

/** Names the undocumented request in the error of the API reference. */
const referenceRequest = 'test-reads-the-reference'

/** Returns a test that has a gateway of its own, which is closed at its end. */
export const appTest =
  (options: AppOptions, run: (t: ExecutionContext, app: TestApp) => Promise<void>) =>
  async (t: ExecutionContext): Promise<void> => {
    const app = await startApp(options)
    t.teardown(app.close)
    await run(t, app)
  }

/**
 * Starts the real gateway on a free loopback port, with a separate database. Every token, /jwks and /webhook answer of
 * `call` is read by the model of Hasura, which throws when Hasura would reject it. Every answer is checked against the
 * API reference.
 */
export async function startApp(options: AppOptions = {}): Promise<TestApp> {
  const { engine = quick, env = {}, files = {} } = options
  const dataDir = await makeDirectory()
  const databaseUrl = options.databaseUrl ?? (engine === 'server' ? await createMigratedDatabase() : '')
  const providers = await loadProviders(new URL('../providers/', import.meta.url))
  const environment = {
    PORT: '0',
    HOST: '127.0.0.1',
    AUTH_PUBLIC_URL: 'https://gateway.test',
    AUTH_SECRET: 'a secret that is only good for tests 0123456789',
    AUTH_BCRYPT_COST: '4',
    // The default of a public URL is strict.
    AUTH_PASSWORD_POLICY: 'basic',
    // Every test comes from one address.
    AUTH_RATE_LIMIT: 'off',
    AUTH_DATABASE_TIMEOUT: String(patience),
    AUTH_DATA_DIR: dataDir,
    DATABASE_URL: databaseUrl,
    ...env,
  }
  rememberIn(environment)
  const { oauth, ...otherProviders } = namesByKind(providers)
  const config = parseConfig(environment, oauth, { ...files, otherProviders })
  const logs: Record<string, unknown>[] = []
  const log = createLog('debug', {
    write: (line) => void (line.includes(referenceRequest) || logs.push(JSON.parse(line))),
  })
  const clock = {
    now: new Date(Math.floor(Date.now() / 1000) * 1000),
    advance(seconds: number) {
      clock.now = new Date(clock.now.getTime() + seconds * 1000)
    },
  }
  const gateway = await startGateway({
    config,
    providers,
    pages: config.pages && (await loadPages(config.pages, root)),
    root,
    log,
    clock: options.now ?? (() => clock.now),
    hashThreads,
    generateKey: takeSigningKey,
    ...(options.fetch && { fetch: options.fetch }),
  })
  await gateway.ready.catch(async (error) => {
    await gateway.close()
    throw error
  })
  const url = `http://127.0.0.1:${gateway.port}`
  const { d, p, q } = gateway.keys.active.privateKey.export({ format: 'jwk' })
  remember(d, p, q)

  async function call<Body>(method: string, path: string, { body, raw, headers = {} }: CallOptions = {}) {
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body))
    const response = await fetch(url + path, {
      method,
      redirect: 'manual',
      headers: { ...(content !== undefined && { 'Content-Type': 'application/json' }), ...headers },
      ...(content !== undefined && { body: content as NonNullable<RequestInit['body']> }),
    })
    const answer = await readAnswer<Body>(response)
    rememberMessage(path, new Headers(headers), String(content ?? ''))
    rememberMessage('', answer.headers, answer.text)
    await checkAsHasura(path, answer as Answer)
    requireDocumented(await readDocument(), method, path, answer as Answer)
    return answer
  }

  let reading: Promise<Document> | undefined
  function readDocument(): Promise<Document> {
    reading ??= fetch(`${url}/openapi.json`, { headers: { 'X-Request-Id': referenceRequest } }).then(
      (response) => response.json() as Promise<Document>,
    )
    return reading
  }

  const keys = () => readJwks(gateway.keys.jwks)
  const claimsOf = async (token: string) => readToken(token, keys(), tokenOptions()).claims
  const tokenOptions = () => ({
    now: Math.floor((options.now?.() ?? clock.now).getTime() / 1000),
    issuer: config.issuer,
    audience: config.audience,
    namespace: config.claimsNamespace,
    format: config.claimsFormat,
    values: config.roles.claimsValues,
  })

  async function checkAsHasura(path: string, answer: Answer): Promise<void> {
    if (/^\/(jwks|\.well-known\/jwks)/.test(path) && answer.status === 200)
      readJwks(answer.text, answer.headers)
    if (typeof answer.body?.token === 'string') await claimsOf(answer.body.token)
    if (path === '/webhook' && answer.status === 200)
      readWebhook(200, answer.text, { values: config.roles.claimsValues })
  }

  /** The requests that all have these headers. */
  const requestsOf = (common: Record<string, string>): Pick<TestApp, 'call' | 'get' | 'post'> => ({
    call: (method, path, options = {}) =>
      call(method, path, { ...options, headers: { ...common, ...options.headers } }),
    get: (path, headers = {}) => call('GET', path, { headers: { ...common, ...headers } }),
    post: (path, body) => call('POST', path, { headers: common, body }),
  })
  const { post } = requestsOf({})
  return {
    url,
    config,
    gateway,
    clock,
    logs,
    ...requestsOf({}),
    as: ({ token }) => requestsOf({ Authorization: `Bearer ${token}` }),
    signup: async (username, password = 'correct horse') => {
      const answer = await post<SessionBody>('/signup', { username, password, confirmPassword: password })
      if (answer.status !== 200) throw new Error(`signup of ${username}: ${answer.text}`)
      return answer.body
    },
    login: (username, password = 'correct horse') => post<SessionBody>('/login', { username, password }),
    claimsOf,
    sql: (text, values = []) => gateway.database.query({ name: '', text }, values),
    close: async () => {
      await gateway.close()
      await rm(dataDir, { recursive: true, force: true })
      refuseSecrets(logs.map((line) => JSON.stringify(line)).join('\n'))
      refuseUnknownCodes(logs)
    },
  }
}

/** Throws for an event with a code that metrics do not begin at 0. */
function refuseUnknownCodes(logs: readonly Record<string, unknown>[]): void {
  for (const { event, code = '' } of logs) {
    if (event === undefined || eventCodes.some((known) => known.event === event && known.code === code))
      continue
    throw new Error(`src/observability/event-codes.ts does not have the code ${code} of ${event}`)
  }
}

async function readAnswer<Body>(response: Response): Promise<Answer<Body>> {
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: (isJson && text !== '' ? JSON.parse(text) : null) as Body,
  }
}
