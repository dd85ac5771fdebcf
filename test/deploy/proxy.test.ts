import { readFile } from 'node:fs/promises'
import { parseConfig } from '../../src/config/config.ts'
import { root } from '../_app.ts'
import test from '../_test.ts'

const read = (path: string) => readFile(new URL(path, root), 'utf8')
const internal = ['/webhook', '/hasura/actions', '/graphql', '/metrics']

/** Returns the variables that the comment at the top of a file, or a block of a page, sets. */
const variablesOf = (text: string) =>
  Object.fromEntries(
    [...text.matchAll(/\b([A-Z_]+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]),
  )

test('nginx and Caddy block the routes for Hasura and Prometheus, which the page lists', async (t) => {
  const nginx = await read('deploy/nginx/claimgate.conf')
  const [, names = ''] = /location ~\* \^\/\(([^)]*)\)\/\*\$ \{\s*return 404;/.exec(nginx) ?? []
  t.deepEqual(
    names.split('|').map((name) => `/${name}`),
    internal,
  )
  const caddy = await read('deploy/caddy/Caddyfile')
  const [, paths = ''] = /@internal path (.*)\n\trespond @internal 404/.exec(caddy) ?? []
  t.deepEqual(
    paths.split(' '),
    internal.flatMap((path) => [path, `${path}/`]),
  )
  const [, listed = ''] = /\*\*Blocked routes\*\*: (.*?)\. /.exec(await read('docs/how-to/proxy.md')) ?? []
  t.deepEqual(
    [...listed.matchAll(/`([^`]+)`/g)].map(([, path]) => path),
    internal,
  )
})

test('nginx and Caddy go with the variables that they and the page name', async (t) => {
  const secrets = { DATABASE_URL: 'postgres://user:password@host/db', AUTH_SECRET: 'x'.repeat(32) }
  const page = variablesOf(/```sh\n(HOST=.*?)```/s.exec(await read('docs/how-to/proxy.md'))?.[1] ?? '')
  for (const path of ['deploy/nginx/claimgate.conf', 'deploy/caddy/Caddyfile']) {
    const text = await read(path)
    const [, needs = ''] = /The gateway needs: (.*)/.exec(text) ?? []
    const env = variablesOf(needs)
    t.deepEqual(env, page, path)
    const { port, host, trustedProxies, unknownVariables } = parseConfig({ ...secrets, ...env })
    t.deepEqual(unknownVariables, [])
    t.is(trustedProxies, 1)
    t.regex(text, new RegExp(`\\b${host}:${port}\\b`))
  }
})

test('the systemd unit waits for the stop of the gateway, and does not restart a bad configuration', async (t) => {
  const unit = await read('deploy/systemd/claimgate.service')
  const settingOf = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? ''
  const { drain, shutdownGrace, databaseTimeout } = parseConfig({ NODE_ENV: 'production' })
  // The primary process adds 5 seconds for its workers.
  t.true(Number.parseInt(settingOf('TimeoutStopSec'), 10) >= drain + shutdownGrace + databaseTimeout + 5)
  t.is(settingOf('RestartPreventExitStatus'), '78')
  t.regex(settingOf('ExecStart'), /^\/usr\/bin\/node \/opt\/claimgate\/dist\/src\/main\.js$/)
  t.is(settingOf('Environment'), `AUTH_DATA_DIR=/var/lib/${settingOf('StateDirectory')}`)
})
