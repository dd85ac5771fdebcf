import { readdir, readFile } from 'node:fs/promises'
import { parseAllDocuments } from 'yaml'
import { createContext } from '../../src/cli/context.ts'
import { createProgram } from '../../src/cli/program.ts'
import { parseConfig } from '../../src/config/config.ts'
import { appTest, root } from '../_app.ts'
import test from '../_test.ts'

// biome-ignore lint/suspicious/noExplicitAny: a manifest can have any form
type Manifest = any

const folder = new URL('deploy/kubernetes/', root)

async function read(path: string): Promise<Manifest> {
  const documents = parseAllDocuments(await readFile(new URL(path, folder), 'utf8'))
  if (documents.length !== 1) throw new Error(`${path} has ${documents.length} documents`)
  const [document] = documents
  if (!document || document.errors.length > 0) throw new Error(`${path}: ${document?.errors[0]}`)
  return document.toJS()
}

const [deployment, job, configMap, secret, service] = await Promise.all(
  ['deployment.yaml', 'migrate/job.yaml', 'configmap.yaml', 'secret.example.yaml', 'service.yaml'].map(read),
)
const pod = deployment.spec.template.spec
const [container] = pod.containers

test('every file is a resource of a kustomization, a commented resource, or the example of the Secret', async (t) => {
  const files = await readdir(folder, { recursive: true })
  const named = await Promise.all(
    ['', 'migrate/'].map(async (path) => {
      const text = await readFile(new URL(`${path}kustomization.yaml`, folder), 'utf8')
      return [...text.matchAll(/^ {2}(?:# )?- (\S+\.yaml)$/gm)].map(([, name]) => path + name)
    }),
  )
  const others = ['kustomization.yaml', 'migrate/kustomization.yaml', 'secret.example.yaml']
  t.deepEqual(files.filter((name) => name.endsWith('.yaml')).sort(), [...named.flat(), ...others].sort())
})

test('no manifest sets a namespace, and every manifest has the name claimgate', async (t) => {
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.yaml') || name.endsWith('kustomization.yaml')) continue
    const { metadata } = await read(name)
    t.is(metadata.namespace, undefined, name)
    t.is(metadata.labels['app.kubernetes.io/name'], 'claimgate', name)
  }
})

test('the variables of the pods are a valid configuration without unknown variables', (t) => {
  const env = { NODE_ENV: 'production', ...configMap.data, ...secret.stringData }
  const config = parseConfig(env)
  t.deepEqual(config.unknownVariables, [])
  t.deepEqual(container.ports, [
    { name: 'http', containerPort: config.port },
    { name: 'metrics', containerPort: config.metricsPort },
  ])
  for (const { envFrom } of [container, job.spec.template.spec.containers[0]])
    t.deepEqual(envFrom, [
      { configMapRef: { name: configMap.metadata.name } },
      { secretRef: { name: secret.metadata.name } },
    ])
})

test('the grace period of a pod is long enough for its shutdown', (t) => {
  const { drain, shutdownGrace, databaseTimeout } = parseConfig({ ...configMap.data, ...secret.stringData })
  t.true(drain > 0)
  // The primary process adds 5 seconds for its workers.
  t.true(drain + shutdownGrace + databaseTimeout + 5 <= pod.terminationGracePeriodSeconds)
})

test(
  'probes use paths of the gateway, and wait as long as an answer may take',
  appTest({}, async (t, app) => {
    const { startupProbe, readinessProbe, livenessProbe } = container
    for (const { httpGet } of [startupProbe, readinessProbe, livenessProbe]) {
      t.is(httpGet.port, container.ports[0].name)
      t.is((await app.get(httpGet.path)).status, 200)
    }
    t.is(readinessProbe.httpGet.path, '/readyz')
    t.is(livenessProbe.httpGet.path, '/healthz')
    t.true(readinessProbe.timeoutSeconds > parseConfig({}).databaseTimeout)

    const { spec } = await read('ingress.yaml')
    t.is(new URL(configMap.data.AUTH_PUBLIC_URL).hostname, spec.rules[0].host)
    const open = spec.rules[0].http.paths as { path: string; pathType: string }[]
    for (const { path } of open.filter(({ path }) => path !== '/auth' && path !== '/pages')) {
      const [asked, posted] = [await app.get(path), await app.post(path, {})]
      t.true(asked.status !== 404 || posted.status !== 404, path)
    }
    const isOpen = (path: string) =>
      open.some(
        (rule) => path === rule.path || (rule.pathType === 'Prefix' && path.startsWith(`${rule.path}/`)),
      )
    const pages = [
      '/',
      '/signin',
      '/signin/continue',
      '/signup/form',
      '/account/password',
      '/signed-out',
      '/pages/x',
    ]
    for (const path of pages) t.true(isOpen(path), path)
    for (const path of ['/webhook', '/hasura/actions', '/graphql', '/metrics', '/readyz'])
      t.false(
        open.some((rule) => path === rule.path || path.startsWith(`${rule.path}/`)),
        path,
      )
  }),
)

test('pods have the user, port and commands of the image, and a read-only file system', async (t) => {
  const dockerfile = await readFile(new URL('Dockerfile', root), 'utf8')
  const program = createProgram(createContext(process, false))
  for (const { spec } of [deployment.spec.template, job.spec.template]) {
    const { runAsUser, runAsGroup, runAsNonRoot } = spec.securityContext
    t.true(dockerfile.includes(`\nUSER ${runAsUser}:${runAsGroup}\n`))
    t.true(runAsNonRoot)
    t.is(spec.enableServiceLinks, false)
    for (const { securityContext, args = ['serve'] } of spec.containers) {
      t.deepEqual(securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
      t.true(program.commands.some((command) => command.name() === args[0]))
    }
  }
  t.true(dockerfile.includes(`\nEXPOSE ${container.ports[0].containerPort}\n`))
})

test('the network policy allows ingress controller, Hasura and Prometheus to connect to the pods', async (t) => {
  const { spec } = await read('networkpolicy.yaml')
  const namespace = (name: string) => ({ matchLabels: { 'kubernetes.io/metadata.name': name } })
  const pods = (name: string) => ({ matchLabels: { 'app.kubernetes.io/name': name } })
  t.deepEqual(spec.ingress, [
    {
      ports: [{ port: 'http' }],
      from: [{ namespaceSelector: namespace('ingress-nginx') }, { podSelector: pods('hasura') }],
    },
    {
      ports: [{ port: 'metrics' }],
      from: [{ namespaceSelector: namespace('monitoring'), podSelector: pods('prometheus') }],
    },
  ])
})

test('the network policy lets name look-ups, PostgreSQL, providers and traces out', async (t) => {
  const { spec } = await read('networkpolicy.yaml')
  const ports = spec.egress.flatMap((rule: Manifest) => rule.ports.map(({ port }: Manifest) => port))
  t.deepEqual(ports, [53, 53, Number(new URL(secret.stringData.DATABASE_URL).port), 443, 4318])
})

test('selectors match the pods of the gateway, and not the pod of the migration', async (t) => {
  const { labels } = deployment.spec.template.metadata
  const { spec: budget } = await read('poddisruptionbudget.yaml')
  const { spec: policy } = await read('networkpolicy.yaml')
  const { spec: monitor } = await read('podmonitor.yaml')
  t.is(monitor.podMetricsEndpoints[0].port, container.ports[1].name)
  for (const selector of [
    monitor.selector.matchLabels,
    deployment.spec.selector.matchLabels,
    service.spec.selector,
    budget.selector.matchLabels,
    policy.podSelector.matchLabels,
    pod.topologySpreadConstraints[0].labelSelector.matchLabels,
  ])
    t.deepEqual(selector, labels)
  t.notDeepEqual(job.spec.template.metadata.labels, labels)
  t.is(service.spec.ports[0].targetPort, container.ports[0].name)
  t.like(deployment.spec.strategy.rollingUpdate, { maxUnavailable: 0, maxSurge: 1 })
  const { spec: scaler } = await read('horizontalpodautoscaler.yaml')
  t.is(scaler.scaleTargetRef.name, deployment.metadata.name)
})
