import { toCalls } from '../../src/hasura/metadata-calls.ts'
import { parseEndpoint } from '../../src/hasura/metadata-request.ts'
import { describeTables, metadataRoles } from '../../src/hasura/metadata-tables.ts'
import test from '../_test.ts'
import { runInProcess } from '../cli/_in-process.ts'
import { startHasura } from './_stand-in.ts'

const secret = 'an admin secret for tests'
const all = toCalls(describeTables(metadataRoles), 'default')

/** Runs `claimgate hasura …` against a Hasura, with the secret in the environment. */
async function run(url: string, args: string, env: Record<string, string> = {}) {
  const result = await runInProcess(['hasura', ...args.split(' '), '--endpoint', url], {
    env: { HASURA_GRAPHQL_ADMIN_SECRET: secret, ...env },
  })
  for (const text of [result.stdout, result.stderr])
    if (text.includes(secret)) throw new Error('the secret is shown')
  return result
}

test('apply adds everything to a fresh Hasura, and a second apply adds nothing', async (t) => {
  const hasura = await startHasura()
  t.teardown(hasura.close)
  t.is((await run(hasura.url, 'diff')).code, 1)
  const first = await run(hasura.url, 'apply --json')
  t.is(first.code, 0, first.stderr)
  t.is(JSON.parse(first.stdout).applied, all.length)
  t.deepEqual<unknown, unknown>(hasura.state.applied, all)
  const again = await run(hasura.url, 'apply')
  t.is(again.stdout, 'Hasura has all the metadata already.\n')
  t.is(hasura.state.applied.length, all.length)
  t.like(await run(hasura.url, 'diff'), { code: 0, stdout: 'Nothing is missing.\n', stderr: '' })
})

test('apply --dry-run and diff change nothing, and name what is missing', async (t) => {
  const hasura = await startHasura()
  t.teardown(hasura.close)
  for (const command of ['apply --dry-run', 'diff']) {
    const { stdout } = await run(hasura.url, command)
    t.regex(stdout, /^\+ table user\n/)
    t.regex(stdout, /\n\+ array relationship user\.roles\n/)
    t.regex(stdout, /\n\+ insert permission of manager on user_role\n/)
  }
  t.deepEqual(hasura.state.applied, [])
  t.is(hasura.state.version, 1)
})

test('foreign metadata stays, and only missing objects are added', async (t) => {
  const foreign = {
    table: { schema: 'public', name: 'user' },
    array_relationships: [
      { name: 'orders', using: { foreign_key_constraint_on: { table: 'order', column: 'user_id' } } },
    ],
    select_permissions: [
      { role: 'user', permission: { columns: ['id'], filter: {} } },
      { role: 'accountant', permission: { columns: '*', filter: {} } },
    ],
  }
  const other = { name: 'shop', kind: 'mssql', tables: [{ table: { schema: 'dbo', name: 'user' } }] }
  const hasura = await startHasura()
  t.teardown(hasura.close)
  hasura.state.metadata.sources[0].tables.push(foreign)
  hasura.state.metadata.sources.push(other)
  hasura.state.metadata.actions = [{ name: 'pay' }]
  const before = structuredClone(hasura.state.metadata)
  const { code, stderr } = await run(hasura.url, 'apply')
  t.is(code, 0)
  t.is(stderr, 'Warning: different and not changed: select permission of user on user\n')
  const { sources, actions } = hasura.state.metadata
  t.deepEqual(sources[1], other)
  t.deepEqual(actions, before.actions)
  const [user] = sources[0].tables
  t.deepEqual(user.array_relationships[0], foreign.array_relationships[0])
  t.deepEqual(user.select_permissions.slice(0, 2), foreign.select_permissions)
  t.is(hasura.state.applied.length, all.length - 2)
  const diff = await run(hasura.url, 'diff')
  t.is(diff.code, 1)
  t.is(
    diff.stdout,
    `~ select permission of user on user: different in Hasura
    columns: Hasura lacks active, created_at, default_role_id, email, email_verified, updated_at, username
    filter: Hasura has nothing, here is {"id":{"_eq":"X-Hasura-User-Id"}}
`,
  )
})

const inAuth = toCalls(describeTables(metadataRoles, 'auth'), 'default')

test('tables of another schema get the same names in GraphQL, beside other tables of the same names', async (t) => {
  const hasura = await startHasura()
  t.teardown(hasura.close)
  const other = { table: { schema: 'public', name: 'user' }, configuration: { custom_name: 'shop_user' } }
  hasura.state.metadata.sources[0].tables.push(other)
  const { code, stdout } = await run(hasura.url, 'apply --schema auth')
  t.is(code, 0)
  t.regex(stdout, /^\+ table auth\.user\n/)
  t.regex(stdout, /\n\+ insert permission of manager on auth\.user_role\n/)
  t.deepEqual<unknown, unknown>(hasura.state.applied, inAuth)
  t.false(JSON.stringify(hasura.state.applied).includes('public'))
  const [untouched, ...tracked] = hasura.state.metadata.sources[0].tables
  t.deepEqual(untouched, other)
  for (const { table, configuration } of tracked)
    t.deepEqual(
      { table, configuration },
      {
        table: { schema: 'auth', name: table.name },
        configuration: { custom_name: table.name },
      },
    )
  t.is((await run(hasura.url, 'diff --schema auth')).stdout, 'Nothing is missing.\n')
  t.regex((await run(hasura.url, 'diff')).stdout, /^\+ table role\n/)
})

test('apply adds nothing when another table has a name of ours in GraphQL', async (t) => {
  const hasura = await startHasura()
  t.teardown(hasura.close)
  hasura.state.metadata.sources[0].tables.push({ table: { schema: 'public', name: 'user' } })
  const { code, stderr } = await run(hasura.url, 'apply --schema auth --json')
  t.is(code, 1)
  const { error } = JSON.parse(stderr)
  t.is(error.code, 'graphql_name_taken')
  t.true(error.message.endsWith('user is named user, as auth.user would be'), error.message)
  t.deepEqual(hasura.state.applied, [])

  const ours = { table: { schema: 'auth', name: 'user' }, configuration: { custom_name: 'account' } }
  hasura.state.metadata.sources[0].tables.push(ours)
  t.is((await run(hasura.url, 'apply --schema auth')).code, 0)
  t.is(hasura.state.applied.length, inAuth.length - 1)
})

/** The tables that nhost tracks: one row of `auth.users` is the root field `user`. */
const nhost = [
  {
    table: { schema: 'auth', name: 'users' },
    configuration: {
      custom_name: 'users',
      custom_root_fields: {
        select: 'users',
        select_by_pk: 'user',
        select_aggregate: 'usersAggregate',
        insert: 'insertUsers',
        insert_one: 'insertUser',
        update: 'updateUsers',
        update_by_pk: 'updateUser',
        delete: 'deleteUsers',
        delete_by_pk: 'deleteUser',
      },
    },
  },
  {
    table: { schema: 'auth', name: 'roles' },
    configuration: {
      custom_name: 'authRoles',
      custom_root_fields: { select: 'authRoles', select_by_pk: 'authRole' },
    },
  },
]

for (const schema of ['public', 'gate']) {
  test(`beside nhost's auth.users, apply from ${schema} names the root field before anything is sent, and --prefix avoids it`, async (t) => {
    const hasura = await startHasura()
    t.teardown(hasura.close)
    hasura.state.metadata.sources[0].tables.push(...structuredClone(nhost))
    for (const command of ['apply', 'apply --dry-run']) {
      const { code, stderr } = await run(hasura.url, `${command} --schema ${schema} --json`)
      t.is(code, 1)
      const { error } = JSON.parse(stderr)
      t.is(error.code, 'graphql_name_taken')
      t.regex(error.message, /--prefix gate_/)
      t.regex(error.message, /: auth\.users has the root field user, as (gate\.)?user would have$/)
    }
    t.is(hasura.state.version, 1)
    t.deepEqual(hasura.state.applied, [])

    const prefixed = `--schema ${schema} --prefix gate_`
    t.is((await run(hasura.url, `apply ${prefixed}`)).code, 0)
    t.deepEqual<unknown, unknown>(
      hasura.state.applied,
      toCalls(describeTables(metadataRoles, schema, 'gate_'), 'default'),
    )
    const [, , ours] = hasura.state.metadata.sources[0].tables
    t.deepEqual(ours.configuration, { custom_name: 'gate_user' })
    t.is((await run(hasura.url, `apply ${prefixed}`)).stdout, 'Hasura has all the metadata already.\n')
    t.is((await run(hasura.url, `diff --schema ${schema}`)).stdout, 'Nothing is missing.\n')
  })
}

test('root fields of functions, Actions, other sources and custom names are compared, with the customization of the source', async (t) => {
  const clash = async (change: (metadata: typeof hasura.state.metadata) => void) => {
    const fresh = await startHasura()
    t.teardown(fresh.close)
    change(fresh.state.metadata)
    const { stderr } = await run(fresh.url, 'apply --dry-run --json')
    return stderr === '' ? null : JSON.parse(stderr).error.message.split(': ').at(-1)
  }
  const hasura = await startHasura()
  t.teardown(hasura.close)
  const shop = (changes: object) => ({
    name: 'shop',
    kind: 'postgres',
    tables: [{ table: 'user' }],
    ...changes,
  })
  t.is(
    await clash((metadata) => {
      metadata.sources[0].functions = [{ function: { schema: 'public', name: 'session' } }]
    }),
    'the function session has the root field session, as session would have',
  )
  t.is(
    await clash((metadata) => {
      metadata.actions = [{ name: 'insert_role' }]
    }),
    'the Action insert_role has the root field insert_role, as role would have',
  )
  t.is(
    await clash((metadata) => {
      const configuration = { custom_root_fields: { select: { name: 'identity_aggregate', comment: 'all' } } }
      metadata.sources[0].tables.push({ table: 'person', configuration })
    }),
    'person has the root field identity_aggregate, as identity would have',
  )
  t.is(
    await clash((metadata) => {
      metadata.sources.push(shop({}))
    }),
    'user has the root field user, as user would have',
  )
  for (const root_fields of [{ namespace: 'shop' }, { prefix: 'shop_' }, { suffix: '_shop' }])
    t.is(
      await clash((metadata) => {
        metadata.sources.push(shop({ customization: { root_fields } }))
      }),
      null,
    )
  t.is(
    await clash((metadata) => {
      metadata.sources[0].customization = { naming_convention: 'graphql-default' }
      metadata.sources[0].tables.push({
        table: 'person',
        configuration: { custom_root_fields: { select: 'userByPk' } },
      })
    }),
    'person has the root field userByPk, as user would have',
  )
  // Sources of other kinds name their tables in other forms.
  t.is(
    await clash((metadata) => {
      metadata.sources.push({ name: 'music', kind: 'sqlite', tables: [{ table: ['user'] }] })
    }),
    null,
  )
})

test('a prefix that GraphQL cannot have is rejected', async (t) => {
  for (const prefix of ['1a', '__a', 'a-b'])
    t.is((await run('http://127.0.0.1:9', `diff --prefix ${prefix}`)).code, 64)
})

test('the schema is the one of DATABASE_URL, which need not be reachable to say it', async (t) => {
  const hasura = await startHasura()
  t.teardown(hasura.close)
  // No server listens on port 9.
  const url = 'postgres://user@127.0.0.1:9/app'
  const named = await run(hasura.url, 'diff', { DATABASE_URL: `${url}?schema=auth` })
  t.regex(named.stdout, /^\+ table auth\.user\n/)
  const unknown = await run(hasura.url, 'diff --json', { DATABASE_URL: url })
  t.is(unknown.code, 69)
  t.regex(JSON.parse(unknown.stderr).error.message, /ECONNREFUSED.* set --schema, such as --schema public$/)
  const given = await run(hasura.url, 'diff --schema public', { DATABASE_URL: url })
  t.regex(given.stdout, /^\+ table user\n/)
})

test('equivalent metadata in another form is no difference', async (t) => {
  const hasura = await startHasura()
  t.teardown(hasura.close)
  await run(hasura.url, 'apply')
  for (const table of hasura.state.metadata.sources[0].tables) {
    for (const { permission } of table.select_permissions ?? []) {
      permission.columns.reverse()
      permission.allow_aggregations ??= false
      permission.comment = ''
    }
    for (const { permission } of table.update_permissions ?? []) {
      if (Object.keys(permission.check).length === 0) permission.check = null
    }
    for (const relationship of table.object_relationships ?? [])
      relationship.using.foreign_key_constraint_on = [relationship.using.foreign_key_constraint_on]
    table.table = table.table.name
  }
  t.is((await run(hasura.url, 'diff')).stdout, 'Nothing is missing.\n')
})

test('diff shows a condition as JSON, also the conditions in its lists', async (t) => {
  const hasura = await startHasura()
  t.teardown(hasura.close)
  await run(hasura.url, 'apply')
  const [user] = hasura.state.metadata.sources[0].tables
  user.update_permissions[0].permission.filter = {}
  t.is(
    (await run(hasura.url, 'diff')).stdout,
    `~ update permission of manager on user: different in Hasura
    filter: Hasura has nothing, here is {"_not":{"_or":[{"default_role":{"name":{"_eq":"admin"}}},{"roles":{"role":{"name":{"_eq":"admin"}}}}]}}
`,
  )
  // The order of a list has no meaning.
  user.update_permissions[0].permission.filter = structuredClone(user.update_permissions[0].permission.check)
  user.update_permissions[0].permission.filter._not._or.reverse()
  t.is((await run(hasura.url, 'diff')).stdout, 'Nothing is missing.\n')
})

test("diff shows a permission that is wider than the gateway's", async (t) => {
  const hasura = await startHasura()
  t.teardown(hasura.close)
  await run(hasura.url, 'apply')
  const session = hasura.state.metadata.sources[0].tables.find(
    (each: { table: { name: string } }) => each.table.name === 'session',
  )
  session.update_permissions[0].permission.check = { user_id: { _eq: 'X-Hasura-User-Id' } }
  t.is(
    (await run(hasura.url, 'diff')).stdout,
    `~ update permission of user on session: different in Hasura
    check.revoked_at: Hasura has nothing, here is {"_is_null":false}
`,
  )
})

test('apply uses the manager role, user role and source of its options', async (t) => {
  const hasura = await startHasura()
  t.teardown(hasura.close)
  hasura.state.metadata.sources[0].name = 'auth'
  const { code } = await run(hasura.url, 'apply --source auth --manager-role hr --user-role person')
  t.is(code, 0)
  const text = JSON.stringify(hasura.state.applied)
  t.deepEqual([...new Set(text.match(/"role":"\w+"/g))].sort(), ['"role":"hr"', '"role":"person"'])
  t.false(text.includes('"source":"default"'))
})

test('of two concurrent runs, the run with an outdated comparison changes nothing', async (t) => {
  const hasura = await startHasura()
  t.teardown(hasura.close)
  const results = await Promise.all([run(hasura.url, 'apply --json'), run(hasura.url, 'apply --json')])
  const lost = results.filter(({ code }) => code !== 0)
  t.true(lost.length <= 1)
  for (const { stderr } of lost) t.is(JSON.parse(stderr).error.code, 'changed_meanwhile')
  t.is(hasura.state.applied.length, all.length)
})

test('claims in JSON are a warning, because Hasura v2 rejects them', async (t) => {
  const hasura = await startHasura()
  t.teardown(hasura.close)
  const { code, stderr } = await run(hasura.url, 'apply', { AUTH_CLAIMS_VALUES: 'json' })
  t.is(code, 0)
  t.regex(stderr, /^Warning: AUTH_CLAIMS_VALUES is json, which is for Hasura v3/)
  t.is((await run(hasura.url, 'apply', { AUTH_CLAIMS_VALUES: 'text' })).stderr, '')
})

for (const role of ['admin', 'anonymous', 'user']) {
  test(`the manager role cannot be ${role}`, async (t) => {
    const { code, stderr } = await run('http://127.0.0.1:9', `diff --manager-role ${role}`)
    t.is(code, 64)
    t.regex(stderr, /^claimgate: --manager-role must be a role of its own/)
  })
}

for (const role of ['admin', 'anonymous']) {
  test(`the role of every user cannot be "${role}"`, async (t) => {
    const result = await runInProcess(
      ['hasura', 'apply', '--endpoint', 'http://127.0.0.1:9', '--user-role', role],
      { env: { HASURA_GRAPHQL_ADMIN_SECRET: secret } },
    )
    t.is(result.code, 64)
    t.regex(result.stderr, /^claimgate: --user-role must be a role that requires a token/)
  })
}

for (const role of ['', ' ', ' hr', 'hr\t', 'h\nr']) {
  test(`neither role can be ${JSON.stringify(role)}, which no header can carry`, async (t) => {
    for (const option of ['--manager-role', '--user-role']) {
      const result = await runInProcess(
        ['hasura', 'apply', '--endpoint', 'http://127.0.0.1:9', option, role],
        { env: { HASURA_GRAPHQL_ADMIN_SECRET: secret } },
      )
      t.is(result.code, 64)
      t.regex(result.stderr, /^claimgate: --manager-role and --user-role need a name without control/)
    }
  })
}

test('neither role can be AUTH_ANONYMOUS_ROLE', async (t) => {
  const hasura = await startHasura()
  t.teardown(hasura.close)
  for (const option of ['--manager-role', '--user-role']) {
    const { code, stderr } = await run(hasura.url, `apply ${option} guest`, { AUTH_ANONYMOUS_ROLE: 'guest' })
    t.is(code, 64)
    t.regex(stderr, /not AUTH_ANONYMOUS_ROLE/)
  }
  t.deepEqual(hasura.state.applied, [])
  t.is((await run(hasura.url, 'apply --user-role guest', { AUTH_ANONYMOUS_ROLE: '' })).code, 0)
})

const elsewhere = { manual_configuration: { remote_table: 'guests', column_mapping: { user_id: 'id' } } }
const otherRoles = { function: { schema: 'public', name: 'roles_of' } }
const inTheWay: [string, object, string][] = [
  [
    'user_role',
    { object_relationships: [{ name: 'user', using: elsewhere }] },
    'object relationship user_role.user',
  ],
  ['user', { array_relationships: [{ name: 'roles', using: elsewhere }] }, 'array relationship user.roles'],
  ['user', { computed_fields: [{ name: 'roles', definition: otherRoles }] }, 'array relationship user.roles'],
]
for (const [table, parts, what] of inTheWay) {
  test(`apply adds nothing to a Hasura with another ${what} (${Object.keys(parts)})`, async (t) => {
    const hasura = await startHasura()
    t.teardown(hasura.close)
    hasura.state.metadata.sources[0].tables.push({ table: { schema: 'public', name: table }, ...parts })
    for (const command of ['apply --json', 'apply --dry-run --json']) {
      const { code, stderr } = await run(hasura.url, command)
      t.is(code, 1)
      const { error } = JSON.parse(stderr)
      t.is(error.code, 'relationship_differs')
      t.true(error.message.endsWith(`Rename or remove in Hasura: ${what}`), error.message)
    }
    t.deepEqual(hasura.state.applied, [])
    t.regex((await run(hasura.url, 'diff')).stdout, new RegExp(`^~ ${what}: different in Hasura$`, 'm'))
  })
}

test('another relationship that no condition uses stays, and everything else is added', async (t) => {
  const hasura = await startHasura()
  t.teardown(hasura.close)
  const sessions = { name: 'sessions', using: elsewhere }
  hasura.state.metadata.sources[0].tables.push({
    table: { schema: 'public', name: 'user' },
    array_relationships: [sessions],
  })
  t.like(await run(hasura.url, 'apply'), {
    code: 0,
    stderr: 'Warning: different and not changed: array relationship user.sessions\n',
  })
})

type Hasura = Awaited<ReturnType<typeof startHasura>>
const html = { status: 200, text: '<!doctype html><title>Console</title>' }
const failures: [string, (hasura: Hasura) => void, string, number, RegExp][] = [
  [
    'a wrong secret',
    ({ state }) => (state.adminSecret = 'another'),
    'hasura_denied',
    77,
    /rejects this admin secret; use the HASURA_GRAPHQL_ADMIN_SECRET that Hasura was started with$/,
  ],
  [
    'an HTML page',
    ({ state }) => (state.instead = () => html),
    'hasura_answer',
    76,
    /answers 200 with an HTML page; check that this is the URL of Hasura$/,
  ],
  [
    'a proxy without its upstream',
    ({ state }) => (state.instead = () => ({ ...html, status: 502 })),
    'hasura_unavailable',
    69,
    /answers 502 with an HTML page; check that this is the URL of Hasura$/,
  ],
  [
    'a redirect',
    ({ state }) =>
      (state.instead = () => ({ status: 308, headers: { Location: 'https://elsewhere.test/' }, text: '' })),
    'hasura_answer',
    76,
    /is a redirect/,
  ],
  [
    'another server than Hasura',
    ({ state }) => (state.instead = () => ({ status: 404, text: '{"message":"no"}' })),
    'hasura_answer',
    76,
    /answers 404 without an error of Hasura; check the URL$/,
  ],
  [
    'an answer of another form',
    ({ state }) => (state.instead = () => ({ status: 200, text: '[]' })),
    'hasura_answer',
    76,
    /has another form than Hasura 2; check the URL$/,
  ],
  [
    'a missing answer',
    ({ state }) => (state.isSilent = true),
    'hasura_unavailable',
    69,
    /did not answer within 1 s$/,
  ],
  [
    'inconsistent metadata',
    ({ state }) =>
      state.inconsistent.push({ type: 'remote_schema', name: 'pay', reason: 'it is\u001b away' }),
    'hasura_inconsistent',
    1,
    /Nothing was changed\. Repair in Hasura: remote_schema: it is\\u\{1b\} away$/,
  ],
  [
    "a database without the gateway's tables",
    ({ state }) => (state.tables = {}),
    'hasura_refused',
    1,
    /changed nothing: no such table\/view exists in source: "user"$/,
  ],
  [
    'an unknown source',
    ({ state }) => (state.metadata.sources[0].name = 'main'),
    'source_not_found',
    66,
    /^Hasura has no source "default" \(sources: "main"\); set --source$/,
  ],
  [
    'a source that is not PostgreSQL',
    ({ state }) => (state.metadata.sources[0].kind = 'mssql'),
    'source_not_found',
    66,
    /is mssql, not postgres; set --source to a PostgreSQL source$/,
  ],
]
for (const [what, change, code, exit, message] of failures) {
  test(`apply fails in one line with ${what}, and changes nothing`, async (t) => {
    const hasura = await startHasura()
    t.teardown(hasura.close)
    change(hasura)
    const json = await run(hasura.url, 'apply --timeout 1 --json')
    const { error } = JSON.parse(json.stderr)
    t.deepEqual([error.code, json.code, json.stdout], [code, exit, ''])
    t.regex(error.message, message)
    const plain = await run(hasura.url, 'apply --timeout 1')
    t.regex(plain.stderr, /^claimgate: [^\n]+\n$/)
    t.deepEqual(hasura.state.applied, [])
  })
}

test('apply fails in one line when Hasura refuses the connection', async (t) => {
  const hasura = await startHasura()
  await hasura.close()
  t.like(await run(hasura.url, 'apply'), {
    code: 69,
    stderr: `claimgate: ${hasura.url}/v1/metadata cannot be reached (ECONNREFUSED)\n`,
  })
})

test('apply requires a URL and a secret', async (t) => {
  t.regex((await run('ftp://hasura.test', 'apply')).stderr, /--endpoint must be an http\(s\) URL/)
  t.regex((await run('http://a:b@hasura.test', 'apply')).stderr, /--endpoint must be an http\(s\) URL/)
  const { code, stderr } = await run('http://hasura.test', 'apply', { HASURA_GRAPHQL_ADMIN_SECRET: '' })
  t.is(code, 64)
  t.is(stderr, 'claimgate: Give --admin-secret, or set HASURA_GRAPHQL_ADMIN_SECRET\n')
})

test('parseEndpoint accepts the URLs of the console and of the APIs of Hasura', (t) => {
  for (const path of ['', '/', '/console/data', '/v1/graphql', '/v1/metadata/', '/v2/query'])
    t.is(parseEndpoint(`https://hasura.test${path}`), 'https://hasura.test')
  for (const path of ['/v1alpha1/graphql', '/console', '/console/'])
    t.is(parseEndpoint(`https://hasura.test${path}`), 'https://hasura.test')
  t.is(parseEndpoint('https://example.test/hasura/v1/graphql'), 'https://example.test/hasura')
  t.is(parseEndpoint('https://example.test/hasura/console/data/default'), 'https://example.test/hasura')
})

test('parseEndpoint keeps a path that only resembles a path of Hasura', (t) => {
  for (const path of [
    '/v1/tenants/a/hasura',
    '/v2/a',
    '/v1',
    '/console-a/b',
    '/console/v1/hasura/v1/metadata',
  ])
    t.is(parseEndpoint(`https://x.test${path}`), `https://x.test${path.replace(/\/v1\/metadata$/, '')}`)
  t.is(parseEndpoint('https://x.test/v1/tenants/a/v1/graphql'), 'https://x.test/v1/tenants/a')
})
