import { readFile } from 'node:fs/promises'
import test from 'ava'
import { parse } from 'yaml'
import { parseConfig } from '../../src/config/config.ts'
import { root } from '../_app.ts'

const read = (path: string) => readFile(new URL(path, root), 'utf8')
const secret = 'x'.repeat(32)

test('app.json makes a valid configuration of what Heroku adds to it, with no variable that nobody knows', async (t) => {
  const { env } = JSON.parse(await read('app.json')) as { env: Record<string, { value?: string }> }
  const given = Object.fromEntries(Object.entries(env).map(([name, { value = '' }]) => [name, value]))
  const heroku = { PORT: '5000', DATABASE_URL: 'postgres://user:password@host:5432/db', AUTH_SECRET: secret }
  const config = parseConfig({ ...given, ...heroku }, ['github', 'google'])
  t.deepEqual(config.unknownVariables, [])
  // Each opens connections, of which the smallest database has 20.
  t.is(config.workers, 1)
  t.true(config.databaseUrl?.endsWith('sslmode=no-verify'))
  const [, file = ''] = /^web: node (\S+)$/m.exec(await read('Procfile')) ?? []
  await t.notThrowsAsync(read(file))
})

test('docker-compose.yml makes a valid configuration, with no variable that nobody knows', async (t) => {
  const { services } = parse(await read('docker-compose.yml'))
  const given = Object.fromEntries(
    Object.entries(services.gateway.environment as Record<string, string>).map(([name, value]) => [
      name,
      value.replace(/\$\{\w+:-([^}]*)\}/g, '$1'),
    ]),
  )
  const { unknownVariables, port } = parseConfig(given, ['github', 'google'])
  t.deepEqual(unknownVariables, [])
  t.true(services.gateway.ports.includes(`127.0.0.1:${port}:${port}`))
})
