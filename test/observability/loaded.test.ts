import { join } from 'node:path'
import { parseConfig } from '../../src/config/config.ts'
import { ask } from '../_client.ts'
import { packagesOf, readLoaded } from '../_loaded.ts'
import { startProcess } from '../_process.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { createFolder } from '../database/_databases.ts'
import { startCollector } from './_collector.ts'

/** Returns the packages of which a gateway with this environment has run any code, by V8's coverage. */
async function loadedBy(t: ExecutionContext, env: Record<string, string>): Promise<Set<string>> {
  const folder = await createFolder(t)
  const coverage = join(folder, 'coverage')
  const gateway = await startProcess({ NODE_V8_COVERAGE: coverage, ...env }, folder)
  t.is((await ask(`${gateway.url}/healthz`)).status, 200)
  t.is((await gateway.stop()).code, 0)
  return packagesOf(await readLoaded(coverage))
}

const watching = (packages: Set<string>) =>
  [...packages].filter((name) => /opentelemetry|prom-client/.test(name)).sort()

test.serial(
  'without an endpoint for traces and AUTH_METRICS not a line of OpenTelemetry or prom-client is loaded',
  async (t) => {
    const packages = await loadedBy(t, { OTEL_SERVICE_NAME: 'set, but alone' })
    t.true(packages.has('koa'))
    t.deepEqual(watching(packages), [])
  },
)

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
      ['GET /healthz'],
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
    ['GET /healthz'],
  )
})

test.serial('nothing of GraphQL is loaded before somebody asks /graphql', async (t) => {
  const packages = await loadedBy(t, { AUTH_ACTION_SECRET: 'shared with Hasura 0123456789 0123456789' })
  t.true(packages.has('koa'))
  t.false(packages.has('graphql'))
})

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
