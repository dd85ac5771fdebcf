import { join } from 'node:path'
import { parseConfig } from '../../src/config/config.ts'
import { createMigratedDatabase, engines } from '../_app.ts'
import { ask } from '../_client.ts'
import { type Cookies, cookieHeader, keepCookies } from '../_cookies.ts'
import { packagesOf, readFiles, readLoaded } from '../_loaded.ts'
import { clientId, clientSecret, startOpenIdPeer } from '../_openid-provider.ts'
import { startProcess } from '../_process.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { createFolder } from '../database/_databases.ts'
import { startCollector } from './_collector.ts'

/** Returns the packages of which a gateway with this environment has run any code, by V8's coverage. */
async function loadedBy(t: ExecutionContext, env: Record<string, string>): Promise<Set<string>> {
  const folder = await createFolder(t)
  const coverage = join(folder, 'coverage')
  const gateway = await startProcess({ NODE_V8_COVERAGE: coverage, ...env }, folder)
  t.is((await ask(`${gateway.url}/jwks`)).status, 200)
  t.is((await gateway.stop()).code, 0)
  return packagesOf(await readLoaded(coverage))
}

const watching = (packages: Set<string>) =>
  [...packages].filter((name) => /opentelemetry|prom-client/.test(name)).sort()

test.serial(
  'without an endpoint for traces, AUTH_METRICS and a proxy not a line of OpenTelemetry, prom-client or undici is loaded',
  async (t) => {
    const packages = await loadedBy(t, { OTEL_SERVICE_NAME: 'set, but alone' })
    t.true(packages.has('koa'))
    t.deepEqual(watching(packages), [])
    t.false(packages.has('undici'))
    t.false(packages.has('openid-client'))
  },
)

test.serial('a gateway with an OpenID provider loads openid-client, and signs users in', async (t) => {
  const url = 'http://gateway.test'
  const peer = await startOpenIdPeer({ redirectUris: [`${url}/auth/acme/callback`] })
  t.teardown(peer.stop)
  const folder = await createFolder(t)
  const coverage = join(folder, 'coverage')
  const env = {
    AUTH_PUBLIC_URL: url,
    AUTH_ACME_ISSUER: peer.issuer,
    AUTH_ACME_CLIENT_ID: clientId,
    AUTH_ACME_CLIENT_SECRET: clientSecret,
  }
  const gateway = await startProcess({ NODE_V8_COVERAGE: coverage, ...env }, folder)
  const start = await fetch(`${gateway.url}/auth/acme`, { redirect: 'manual' })
  t.is(start.status, 302)
  const cookies: Cookies = new Map()
  keepCookies(cookies, start.headers)
  peer.signInAs({ sub: '1', preferred_username: 'ada', email: 'ada@mail.test', email_verified: true })
  const { pathname, search } = new URL(await peer.authorize(start.headers.get('location') ?? ''))
  const headers = cookieHeader(cookies)
  const callback = await fetch(gateway.url + pathname + search, { headers })
  t.is(callback.status, 200)
  t.like(await callback.json(), { username: 'ada', emailVerified: true })
  t.is((await gateway.stop()).code, 0)
  t.true(packagesOf(await readLoaded(coverage)).has('openid-client'))
})

test.serial(
  'metrics alone load only the API package of OpenTelemetry, which prom-client requires',
  async (t) => {
    t.deepEqual(watching(await loadedBy(t, { AUTH_METRICS: 'true' })), ['@opentelemetry/api', 'prom-client'])
  },
)

test.serial(
  'with OTEL_EXPORTER_OTLP_ENDPOINT a process sends its traces, the last of them when it is stopped',
  async (t) => {
    const collector = await startCollector()
    t.teardown(() => collector.stop())
    const packages = await loadedBy(t, {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_SERVICE_NAME: 'sign-in',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    })
    t.true(packages.has('@opentelemetry/sdk-trace-base'))
    t.false(packages.has('prom-client'))
    t.deepEqual(
      collector.spans.map(({ name }) => name),
      ['GET /jwks'],
    )
    t.like(collector.resource, { 'service.name': 'sign-in', 'deployment.environment.name': 'test' })
  },
)

test.serial('with OTEL_EXPORTER_OTLP_TRACES_ENDPOINT alone a process sends its traces there', async (t) => {
  const collector = await startCollector()
  t.teardown(() => collector.stop())
  const packages = await loadedBy(t, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces` })
  t.true(packages.has('@opentelemetry/sdk-trace-base'))
  t.deepEqual(
    collector.spans.map(({ name }) => name),
    ['GET /jwks'],
  )
})

test.serial('nothing of GraphQL is loaded before somebody asks /graphql', async (t) => {
  const packages = await loadedBy(t, { AUTH_ACTION_SECRET: 'shared with Hasura 0123456789 0123456789' })
  t.true(packages.has('koa'))
  t.false(packages.has('graphql'))
})

if (engines.includes('server'))
  test.serial(
    'an idle gateway on a server loads at most 45 files, of which each provider is one, and no Prisma, no PGlite and no fetch',
    async (t) => {
      const folder = await createFolder(t)
      const coverage = join(folder, 'coverage')
      const env = {
        DATABASE_URL: await createMigratedDatabase(),
        AUTH_SECRET: 'a secret of 43 letters 0123456789 0123456789',
      }
      // The first start creates the signing key.
      await (await startProcess(env, folder)).stop()
      // V8's coverage leaves out the modules of Node.js.
      const report = "process.on('exit', () => console.error(process.moduleLoadList.join()))"
      const options = {
        NODE_V8_COVERAGE: coverage,
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURI(report)}`,
      }
      const gateway = await startProcess({ ...env, ...options }, folder)
      t.is((await ask(`${gateway.url}/readyz`)).status, 200)
      t.is((await gateway.stop()).code, 0)
      t.regex(gateway.output(), /NativeModule http,/)
      t.notRegex(gateway.output(), /undici/)
      const loaded = await readLoaded(coverage)
      // `import { z }` loads all of zod, with the error messages in fifty languages.
      t.deepEqual(
        loaded.filter((url) => /zod\/v4\/locales\/(?!en\.)/.test(url)),
        [],
      )
      const packages = packagesOf(loaded)
      t.true(packages.has('koa') && packages.has('pg'))
      t.deepEqual(
        [...packages].filter((name) => /prisma|pglite|graphql|zxcvbn|opentelemetry|prom-client/.test(name)),
        [],
      )
      const files = await readFiles(coverage)
      t.log(`${files.length} files`)
      t.true(files.length <= 45)
    },
  )

test('traces go to /v1/traces of the collector, or to the endpoint for traces, which needs no other, and OTEL_SDK_DISABLED wins', (t) => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.test:4318/' }
  t.is(parseConfig(env).tracesEndpoint, 'http://collector.test:4318/v1/traces')
  const traces = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces.test/in' }
  t.is(parseConfig({ ...env, ...traces }).tracesEndpoint, 'https://traces.test/in')
  t.is(parseConfig(traces).tracesEndpoint, 'https://traces.test/in')
  t.is(parseConfig({}).tracesEndpoint, undefined)
  t.is(parseConfig({ ...env, OTEL_SDK_DISABLED: 'true' }).tracesEndpoint, undefined)
  t.is(parseConfig({ ...traces, OTEL_SDK_DISABLED: 'true' }).tracesEndpoint, undefined)
  for (const name of ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'])
    t.throws(() => parseConfig({ [name]: 'collector:4318' }), {
      message: new RegExp(`^ {2}${name} must be an http\\(s\\) URL without user and password$`, 'm'),
    })
})
