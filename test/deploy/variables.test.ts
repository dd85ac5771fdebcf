import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { parseConfig } from '../../src/config/config.ts'
import { root } from '../_app.ts'
import test from '../_test.ts'

const read = (path: string) => readFile(new URL(path, root), 'utf8')
const secret = 'x'.repeat(32)

test("app.json and Heroku's variables are a valid configuration without unknown variables", async (t) => {
  const { env } = JSON.parse(await read('app.json')) as { env: Record<string, { value?: string }> }
  const given = Object.fromEntries(Object.entries(env).map(([name, { value = '' }]) => [name, value]))
  const heroku = { PORT: '5000', DATABASE_URL: 'postgres://user:password@host:5432/db', AUTH_SECRET: secret }
  const config = parseConfig({ ...given, ...heroku }, ['github', 'google'])
  t.deepEqual(config.unknownVariables, [])
  // Each worker opens connections, and the smallest database allows 20.
  t.is(config.workers, 1)
  t.true(config.databaseUrl?.endsWith('sslmode=no-verify'))
  const [, file = ''] = /^web: node (\S+)$/m.exec(await read('Procfile')) ?? []
  await t.notThrowsAsync(read(file))
})

test('docker-compose.yml has a valid configuration without unknown variables', async (t) => {
  const { services } = parse(await read('docker-compose.yml'))
  const given = Object.fromEntries(
    Object.entries(services.gateway.environment as Record<string, string>).map(([name, value]) => [
      name,
      value.replace(/\$\{\w+:-([^}]*)\}/g, '$1'),
    ]),
  )
  const { unknownVariables, port } = parseConfig(given, ['github', 'google'])
  t.deepEqual(unknownVariables, [])
  // The gateway gets all other variables of .env unchanged. Entries of `environment` have precedence.
  t.deepEqual(services.gateway.env_file, [{ path: '.env', required: false }])
  t.deepEqual(Object.keys(services.gateway.environment).sort(), [
    'AUTH_PUBLIC_URL',
    'AUTH_SECRET',
    'DATABASE_URL',
    'HOST',
    'PORT',
  ])
  t.true(services.gateway.ports.includes(`127.0.0.1:${port}:${port}`))
})

test('package.json names only the release lines of Node that the README names as tested', async (t) => {
  const { engines } = JSON.parse(await read('package.json')) as { engines: { node: string } }
  const readme = await read('README.md')
  for (const range of engines.node.split(' || ')) {
    t.regex(range, /^\^\d+\.\d+$/)
    t.true(readme.includes(range.slice(1)), range)
  }
  const [, base] = /^FROM node:(\d+)-slim/m.exec(await read('Dockerfile')) ?? []
  t.true(engines.node.includes(`^${base}.`))
})
