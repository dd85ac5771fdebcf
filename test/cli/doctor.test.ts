import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { lockDirectory } from '../../src/database/directory-lock.ts'
import { greet } from '../../src/database/join.ts'
import type { Check } from '../../src/doctor/check.ts'
import { createServerDatabase } from '../_app.ts'
import { readJwks, readToken } from '../_hasura.ts'
import { findFreePort } from '../_postgres.ts'
import type { GatewayProcess } from '../_process.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { pgbouncer, startPgbouncer } from '../database/_pgbouncer.ts'
import { startHasura } from '../hasura/_stand-in.ts'
import { besideGateway, createDeployment, type TestDeployment, thorough } from './_command.ts'

const secret = 'an admin secret for tests'

let d: TestDeployment
let gateway: GatewayProcess
let hasura: Awaited<ReturnType<typeof startHasura>>

test.serial.before('start', async () => {
  d = await createDeployment(thorough, {
    env: {
      AUTH_GITHUB_CLIENT_ID: 'id',
      AUTH_GITHUB_CLIENT_SECRET: 'a client secret for tests',
      HASURA_GRAPHQL_ADMIN_SECRET: secret,
    },
  })
  hasura = await startHasura()
  await d.json('role create manager')
  await d.json(`hasura apply --endpoint ${hasura.url}`)
  if (thorough !== 'server') return
  const port = String(await findFreePort())
  d.env.PORT = port
  d.env.AUTH_PUBLIC_URL = `http://127.0.0.1:${port}`
  gateway = await d.gateway()
  const jwks = await (await fetch(`${gateway.url}/jwks`)).text()
  hasura.state.jwt = { jwks, issuer: d.env.AUTH_PUBLIC_URL, audience: 'hasura', skew: 30 }
})
test.after.always('stop', async () => {
  await gateway?.stop()
  await hasura?.close()
  await d?.close()
})

async function examine(args = `--hasura ${hasura.url}`, env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await d.run(`doctor ${args} --json`, { env })
  if (stderr !== '') throw new Error(stderr)
  const { checks, failed } = JSON.parse(stdout) as { checks: Check[]; failed: number }
  if (code !== (failed > 0 ? 1 : 0)) throw new Error(`exit ${code} with ${failed} failed`)
  return { checks, of: (name: string) => checks.find((check) => check.name === name) }
}

/** Asserts that exactly these checks fail, each with a cure. */
function fails(t: ExecutionContext, checks: readonly Check[], names: string[]): void {
  const failed = checks.filter((check) => check.status === 'failed')
  t.deepEqual(
    failed.map(({ name }) => name),
    names,
  )
  for (const { cure } of failed) t.true(cure.length > 10)
}

besideGateway('doctor finds nothing wrong with a gateway and a Hasura that agree', async (t) => {
  const { checks } = await examine()
  fails(t, checks, [])
  const skipped = checks.filter(({ status }) => status === 'skipped').map(({ name }) => name)
  t.deepEqual(skipped, ['other providers'])
  t.true(checks.some(({ detail }) => detail.endsWith(`${d.env.AUTH_PUBLIC_URL}/auth/github/callback`)))
  t.like(await d.run(`doctor --hasura ${hasura.url}`), { code: 0, stderr: '' })
})

besideGateway('doctor names the roles of AUTH_<NAME>_ROLES that do not exist, as a warning', async (t) => {
  const env = {
    AUTH_ACME_ISSUER: `http://127.0.0.1:${await findFreePort()}`,
    AUTH_ACME_CLIENT_ID: 'id',
    AUTH_ACME_ROLES_CLAIM: 'groups',
  }
  const named = await examine('', { ...env, AUTH_ACME_ROLES: 'heads=manager,staff=user,b=clerk,a=baker' })
  t.like(named.of('AUTH_ACME_ROLES'), {
    status: 'warning',
    detail: 'gives roles that do not exist: "baker", "clerk"',
  })
  const existing = await examine('', { ...env, AUTH_ACME_ROLES: 'heads=manager' })
  t.is(existing.of('AUTH_ACME_ROLES'), undefined)
})

besideGateway('doctor runs without Hasura, and says what it skipped', async (t) => {
  const { checks, of } = await examine('')
  fails(t, checks, [])
  for (const name of ['Hasura', 'roles', 'HASURA_GRAPHQL_JWT_SECRET', 'anonymous role'])
    t.deepEqual(of(name), { name, status: 'skipped', detail: 'no --hasura' })
})

besideGateway('doctor finds out when HASURA_GRAPHQL_JWT_SECRET does not agree', async (t) => {
  const right = hasura.state.jwt as NonNullable<typeof hasura.state.jwt>
  t.teardown(() => Object.assign(hasura.state, { jwt: right }))
  const wrong: [Partial<typeof right>, RegExp][] = [
    [{ issuer: 'https://elsewhere.test' }, /JWTNotInIssuer/],
    [{ audience: 'elsewhere' }, /JWTNotInAudience/],
  ]
  for (const [change, message] of wrong) {
    hasura.state.jwt = { ...right, ...change }
    const { checks, of } = await examine()
    fails(t, checks, ['HASURA_GRAPHQL_JWT_SECRET'])
    t.regex(of('HASURA_GRAPHQL_JWT_SECRET')?.detail ?? '', message)
  }
})

besideGateway(
  'doctor in webhook mode: a hook that leads elsewhere, nowhere or to a hook without authentication fails',
  async (t) => {
    const { jwt, hook } = hasura.state
    t.teardown(() => Object.assign(hasura.state, { jwt, hook }))
    let answer = { status: 401, text: '' }
    const foreign = createServer((_req, res) => res.writeHead(answer.status).end(answer.text))
    await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve))
    t.teardown(() => foreign.close())
    hasura.state.jwt = null
    const names = ['HASURA_GRAPHQL_JWT_SECRET', 'anonymous role']

    hasura.state.hook = `${gateway.url}/webhook`
    const right = await examine()
    fails(t, right.checks, [])
    t.deepEqual(
      names.map((name) => right.of(name)?.status),
      ['skipped', 'ok'],
    )

    hasura.state.hook = `http://127.0.0.1:${await findFreePort()}/webhook`
    const dead = await examine()
    fails(t, dead.checks, names)
    t.true(JSON.stringify(dead.of('anonymous role')).includes(`${d.env.AUTH_PUBLIC_URL}/webhook`))

    hasura.state.hook = `http://127.0.0.1:${(foreign.address() as AddressInfo).port}/`
    fails(t, (await examine()).checks, ['anonymous role'])
    answer = { status: 200, text: '{"X-Hasura-Role":["user"]}' }
    fails(t, (await examine()).checks, names)
    answer = { status: 200, text: '{"X-Hasura-Role":"user"}' }
    const open = await examine()
    fails(t, open.checks, ['HASURA_GRAPHQL_JWT_SECRET'])
    t.regex(open.of('HASURA_GRAPHQL_JWT_SECRET')?.detail ?? '', /signatures are not checked/)
  },
)

besideGateway('doctor names a Hasura that has neither a JWT secret nor a webhook', async (t) => {
  const { jwt, hook, unauthorizedRole } = hasura.state
  t.teardown(() => Object.assign(hasura.state, { jwt, hook, unauthorizedRole }))
  Object.assign(hasura.state, { jwt: null, hook: null })
  const name = 'HASURA_GRAPHQL_JWT_SECRET'
  const closed = await examine()
  fails(t, closed.checks, [name])
  t.regex(closed.of(name)?.detail ?? '', /^neither this variable nor HASURA_GRAPHQL_AUTH_HOOK is set/)
  t.true(JSON.stringify(closed.of(name)).includes(`${d.env.AUTH_PUBLIC_URL}/jwks`))
  hasura.state.unauthorizedRole = 'anonymous'
  const open = await examine()
  fails(t, open.checks, [name])
  t.regex(open.of(name)?.detail ?? '', /without this variable that has HASURA_GRAPHQL_UNAUTHORIZED_ROLE/)
})

besideGateway('the cure for a Hasura that answers 500 is its log, and not its start', async (t) => {
  t.teardown(() => Object.assign(hasura.state, { instead: null }))
  const text = JSON.stringify({ code: 'unexpected', error: 'pool timeout; use --force', path: '$' })
  hasura.state.instead = (path) => (path === '/v1/metadata' ? { status: 500, text } : null)
  const { of } = await examine()
  t.like(of('Hasura'), { status: 'failed', cure: 'read the log of Hasura, then try again' })
  t.regex(of('Hasura')?.detail ?? '', /answers 500: pool timeout; use --force$/)
  const { checks } = await examine('--hasura http://127.0.0.1:9')
  const absent = checks.find(({ name }) => name === 'Hasura')
  t.like(absent, { status: 'failed', cure: 'start Hasura, and set --hasura to its URL' })
})

besideGateway('doctor keeps what it has found when Hasura stops answering half-way', async (t) => {
  t.teardown(() => Object.assign(hasura.state, { instead: null }))
  hasura.state.instead = (path) => (path === '/v1/graphql' ? { status: 502, text: '<html>' } : null)
  const { checks, of } = await examine()
  fails(t, checks, ['HASURA_GRAPHQL_JWT_SECRET', 'anonymous role'])
  for (const name of ['Hasura', 'roles here', 'roles in Hasura']) t.is(of(name)?.status, 'ok', name)
})

besideGateway(
  'doctor finds out when Hasura answers without a token against AUTH_ANONYMOUS_ROLE',
  async (t) => {
    t.teardown(() => Object.assign(hasura.state, { unauthorizedRole: null }))
    hasura.state.unauthorizedRole = 'anonymous'
    const { of } = await examine(undefined, { AUTH_ANONYMOUS_ROLE: '' })
    t.is(of('anonymous role')?.status, 'failed')
  },
)

besideGateway('doctor compares the roles of the database with the roles of the permissions', async (t) => {
  const before = structuredClone(hasura.state.metadata)
  t.teardown(() => Object.assign(hasura.state, { metadata: before }))
  hasura.state.metadata.actions = [
    { name: 'pay', permissions: [{ role: 'accountant' }, { role: 'anonymous' }] },
  ]
  await d.json('role create lonely')
  const { checks, of } = await examine()
  fails(t, checks, ['roles here', 'roles in Hasura', 'anonymous role'])
  t.regex(of('roles here')?.detail ?? '', /: lonely$/)
  t.regex(of('roles in Hasura')?.detail ?? '', /: accountant$/)
  await d.sql(`DELETE FROM role WHERE name = 'lonely'`)
  hasura.state.unauthorizedRole = 'anonymous'
  fails(t, (await examine()).checks, ['roles in Hasura'])
  hasura.state.unauthorizedRole = null
})

besideGateway('doctor finds out when Hasura is open, strict, inconsistent or away', async (t) => {
  const { state } = hasura
  const reset = () => Object.assign(state, { adminSecret: secret, inconsistent: [], instead: null })
  t.teardown(reset)
  const changes: [object, RegExp][] = [
    [{ adminSecret: null }, /every client is its admin/],
    [{ adminSecret: 'another' }, /rejects this admin secret/],
    [{ inconsistent: [{ type: 'table', name: 'x', reason: 'gone' }] }, /inconsistent metadata: table: gone/],
    [{ instead: () => ({ status: 200, text: '<html>' }) }, /an HTML page/],
  ]
  for (const [change, detail] of changes) {
    Object.assign(reset(), change)
    const { checks, of } = await examine()
    fails(t, checks, ['Hasura'])
    t.regex(of('Hasura')?.detail ?? '', detail)
  }
  fails(t, (await examine(`--hasura http://127.0.0.1:${await findFreePort()}`)).checks, ['Hasura'])
})

besideGateway('doctor without an admin secret still tries a token', async (t) => {
  const { checks, of } = await examine(undefined, { HASURA_GRAPHQL_ADMIN_SECRET: '' })
  fails(t, checks, [])
  t.is(of('HASURA_GRAPHQL_JWT_SECRET')?.status, 'ok')
  t.is(of('roles')?.status, 'skipped')
  t.is(of('anonymous role')?.status, 'skipped', 'its permissions are unknown')
})

besideGateway('doctor finds a gateway that answers without the secret of its webhook', async (t) => {
  const env = { AUTH_WEBHOOK_SECRET: 'a secret that the gateway has not' }
  const { checks, of } = await examine('', env)
  fails(t, checks, ['webhook'])
  t.regex(
    of('webhook')?.detail ?? '',
    /^a request without AUTH_WEBHOOK_SECRET is answered with 200, not 401$/,
  )
})

besideGateway('doctor names keys that AUTH_SECRET does not open', async (t) => {
  const { checks } = await examine('', { AUTH_SECRET: 'another secret that is only good for tests' })
  fails(t, checks, ['keys'])
})

besideGateway('doctor finds out when the database is away, or not migrated', async (t) => {
  const away = `postgres://nobody:some-password@127.0.0.1:${await findFreePort()}/claimgate`
  const { checks, of } = await examine('', { DATABASE_URL: away })
  fails(t, checks, ['database'])
  t.false(JSON.stringify(checks).includes('some-password'))
  t.is(of('keys')?.status, 'skipped')
  const empty = await createServerDatabase()
  fails(t, (await examine('', { DATABASE_URL: empty })).checks, ['database'])
  const missing = await examine('', { DATABASE_URL: empty.replace(/[^/]+$/, 'missing') })
  t.is(missing.of('database')?.detail, 'it cannot be opened: database "missing" does not exist')
})

if (thorough === 'server')
  test.serial(
    'doctor names server, database and schema, and says when a pooler keeps notifications',
    async (t) => {
      const { of } = await examine('')
      t.is(of('notifications')?.status, 'ok')
      t.regex(
        of('database')?.detail ?? '',
        /^migrated: PostgreSQL \d+\S* .*reached directly, database \w+, schema public, encoding UTF8$/,
      )
      if (pgbouncer === null) return t.log('Poolers were NOT tested: pgbouncer is not installed')
      const pooler = await startPgbouncer(t, d.env.DATABASE_URL as string, { pool_mode: 'transaction' })
      const pooled = await examine('', { DATABASE_URL: pooler.url })
      fails(t, pooled.checks, [])
      t.regex(pooled.of('database')?.detail ?? '', / through a pooler, /)
      const warning = pooled.of('notifications')
      t.like(warning, { status: 'warning' })
      t.regex(JSON.stringify(warning), /on every request.*set DATABASE_DIRECT_URL/)
      const both = await examine('', {
        DATABASE_URL: pooler.url,
        DATABASE_DIRECT_URL: d.env.DATABASE_URL as string,
      })
      t.is(both.of('notifications')?.status, 'ok')
    },
  )

besideGateway('doctor sees the gateway as Hasura does: through whatever stands before it', async (t) => {
  let change = (path: string, text: string) => ({
    status: path === '/webhook' && text.includes('"code"') ? 401 : 200,
    text,
  })
  const proxy = createServer(async (req, res) => {
    const authorization = req.headers.authorization
    const answer = await fetch(gateway.url + req.url, { headers: authorization ? { authorization } : {} })
    const { status, text } = change(req.url ?? '', await answer.text())
    if (status === 0) return res.destroy()
    res.writeHead(status, { 'Cache-Control': 'max-age=300', Location: 'https://elsewhere.test/' }).end(text)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => proxy.close())
  const env = { AUTH_PUBLIC_URL: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` }
  const usual = change
  fails(t, (await examine('', env)).checks, [])
  change = (path, text) =>
    path === '/jwks' ? { status: 200, text: text.replace(/"n":"/, '"n":"AAAA') } : usual(path, text)
  fails(t, (await examine('', env)).checks, ['jwks'])
  change = (path, text) =>
    path === '/webhook' ? { status: 200, text: '{"X-Hasura-Role":["user"]}' } : usual(path, text)
  fails(t, (await examine('', env)).checks, ['webhook'])
  change = (path, text) => (path === '/jwks' ? { status: 0, text } : usual(path, text))
  fails(t, (await examine('', env)).checks, ['jwks'])
  change = () => ({ status: 302, text: '' })
  fails(t, (await examine('', env)).checks, ['public URL'])
})

test.serial('doctor lists every variable that is not valid, and misspelled ones', async (t) => {
  const invalid = await examine('', { AUTH_SECRET: 'short', AUTH_KEY_BITS: '1024' })
  fails(t, invalid.checks, ['configuration'])
  t.regex(
    invalid.of('configuration')?.detail ?? '',
    /AUTH_SECRET.*; .*AUTH_KEY_BITS|AUTH_KEY_BITS.*; .*AUTH_SECRET/,
  )
  for (const name of [
    'database',
    'notifications',
    'clock',
    'keys',
    'public URL',
    'jwks',
    'webhook',
    'Hasura',
  ])
    t.is(invalid.of(name)?.status, 'skipped', name)
  t.regex((await examine('', { AUTH_SERCET: 'x' })).of('configuration')?.detail ?? '', /AUTH_SERCET/)
})

test.serial(
  'doctor warns of the settings that the start warns of, and a warning is no failure',
  async (t) => {
    const env = { AUTH_ACTION_SECRET: 'x'.repeat(32) }
    const warning = (await examine('', env)).of('AUTH_ACTION_SECRET')
    t.like(warning, { status: 'warning', detail: 'has fewer than 8 different characters' })
    t.is((await examine('')).of('warnings')?.status, 'ok')
    const { stdout } = await d.run('doctor', { env })
    t.regex(stdout, /^warning +AUTH_ACTION_SECRET +has fewer than 8 different characters\. Solution: set/m)
    t.regex(stdout, /\d failed, 1 warning, \d+ skipped\.$/m)
  },
)

test.serial('doctor names the release of a gateway that has the embedded database open', async (t) => {
  const embedded = await createDeployment('embedded')
  t.teardown(embedded.close)
  const lock = await lockDirectory(join(embedded.cwd, 'data'))
  lock.serve(greet('0.0.9, schema 0001_seed', async () => {}))
  const { checks } = JSON.parse((await embedded.run('doctor --json')).stdout)
  await lock.unlock()
  const database = checks.find(({ name }: Check) => name === 'database')
  t.like(database, { status: 'failed' })
  t.regex(database.detail, /is Claimgate 0\.0\.9, schema 0001_seed, and this command is Claimgate /)
  t.regex(database.cure, /^restart the gateway/)
})

test.serial('doctor rejects an invalid address', async (t) => {
  t.like(await d.failure('doctor --hasura hasura:8080'), { exit: 64, code: 'usage' })
})

test.serial('doctor has printed no secret and no token', (t) => {
  const transcript = d.transcript()
  for (const text of [secret, 'a secret that', 'a client secret', 'eyJ', 'PRIVATE'])
    t.false(transcript.includes(text), text)
})

besideGateway(
  'a Hasura v3 is recognised, its tokens are tried, and what cannot be read is skipped',
  async (t) => {
    const jwks = async () => readJwks(await (await fetch(`${gateway.url}/jwks`)).text())
    let broken = false
    const server = createServer(async (req, res) => {
      // Hasura v3 answers unknown paths with 404 and no body.
      if (req.url !== '/graphql') return res.writeHead(404).end()
      const answer = (status: number, body: object) => res.writeHead(status).end(JSON.stringify(body))
      const refuse = (message: string) => answer(400, { data: null, errors: [{ message }] })
      const [, token] = /^Bearer (.+)$/.exec(req.headers.authorization ?? '') ?? []
      if (token === undefined) return refuse('Authorization header not found')
      try {
        const issuer = broken ? 'https://other.test' : (d.env.AUTH_PUBLIC_URL ?? '')
        const now = Math.floor(Date.now() / 1000)
        readToken(token, await jwks(), { issuer, audience: 'hasura', now, skew: 30, values: 'json' })
        return answer(200, { data: { __typename: 'Query' } })
      } catch {
        return refuse('InvalidIssuer or InvalidSignature')
      }
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    for (const args of [`--hasura ${url}`, `--hasura ${url}/graphql`]) {
      const { checks, of } = await examine(args, { AUTH_CLAIMS_VALUES: 'json' })
      fails(t, checks, [])
      t.regex(of('Hasura')?.detail ?? '', /version 3/)
      t.is(of('AuthConfig')?.status, 'ok')
      t.is(of('AUTH_CLAIMS_VALUES')?.status, 'ok')
      for (const name of ['roles', 'secret columns', 'anonymous role']) t.is(of(name)?.status, 'skipped')
    }
    broken = true
    const { checks, of } = await examine(`--hasura ${url}`)
    fails(t, checks, ['AuthConfig'])
    t.is(of('AUTH_CLAIMS_VALUES')?.status, 'warning')
  },
)
