import { decodeJwt } from 'jose'
import type { SessionBody } from '../_app.ts'
import test from '../_test.ts'
import { ask, besideGateway, createDeployment, signIn, type TestDeployment, thorough } from './_command.ts'

const namespace = 'https://hasura.io/jwt/claims'
let d: TestDeployment
test.before('start', async () => {
  d = await createDeployment(thorough)
  await d.json('role create editor')
  await d.json('user create alice --password-stdin', { input: 'correct horse' })
})
test.after.always('stop', () => d?.close())

test.serial('role default takes only a role that the user has: it would give it otherwise', async (t) => {
  t.like(await d.failure('role default alice editor'), { code: 'role_not_granted', exit: 1 })
  t.deepEqual(await d.sql('SELECT 1 FROM "user" WHERE default_role_id IS NOT NULL'), [])
  await d.json('role create user')
  t.is((await d.json('role default alice user')).defaultRole, 'user')
  await d.json('role default alice --clear')
})

test.serial('role revoke also takes the role away that is the default', async (t) => {
  await d.json('role grant alice editor')
  await d.json('role default alice editor')
  t.like(await d.json('role revoke alice editor'), { changed: true, wasDefault: true })
  const { token } = await d.json('claims preview alice')
  t.deepEqual(token[namespace]['x-hasura-allowed-roles'], ['user'])
  t.like(await d.json('role revoke alice editor'), { changed: false })
})

test.serial(
  'role grant keeps the role of a provider for good, and role revoke tells who grants it again',
  async (t) => {
    const granted = `INSERT INTO user_role (user_id, role_id, provider)
    SELECT u.id, r.id, 'acme' FROM "user" u, role r WHERE u.username = 'alice' AND r.name = 'editor'`
    await d.sql(granted)
    t.is(
      (await d.run('role grant alice editor')).stdout,
      '"alice" keeps the role "editor", which the provider "acme" had granted.\n',
    )
    t.deepEqual(await d.sql('SELECT provider FROM user_role'), [{ provider: null }])
    t.like(await d.json('role grant alice editor'), { changed: false })
    t.is((await d.json('role revoke alice editor')).warning, undefined)
    await d.sql(granted)
    t.regex(
      (await d.json('role revoke alice editor')).warning,
      /^"acme" grants it again at the next sign-in there/,
    )
  },
)

test.serial(
  'role revoke --provider takes back what a provider has granted, with default roles, and nothing else',
  async (t) => {
    await d.json('role create of-acme')
    await d.json('user create bobby --password-stdin', { input: 'correct horse' })
    await d.sql(`INSERT INTO user_role (user_id, role_id, provider)
    SELECT u.id, r.id, p.name FROM (VALUES ('alice', 'of-acme', 'acme'), ('alice', 'editor', 'other'),
      ('bobby', 'of-acme', 'acme'), ('bobby', 'editor', NULL)) AS p (username, role, name)
    JOIN "user" u ON u.username = p.username JOIN role r ON r.name = p.role`)
    await d.json('role default alice of-acme')
    await d.json('role default bobby editor')
    t.like(await d.failure('role revoke alice editor --provider acme --yes'), { code: 'usage', exit: 64 })
    t.is(
      (await d.run('role revoke --provider acme --yes')).stdout,
      'Revoked 2 role grants of the provider "acme", of 2 users.\n',
    )
    t.deepEqual(await d.json('role revoke --provider acme --yes'), { provider: 'acme', users: 0, roles: 0 })
    t.deepEqual(
      await d.sql(`SELECT u.username, r.name, ur.provider, d.name AS default FROM "user" u
      JOIN user_role ur ON ur.user_id = u.id JOIN role r ON r.id = ur.role_id
      LEFT JOIN role d ON d.id = u.default_role_id ORDER BY u.username`),
      [
        { username: 'alice', name: 'editor', provider: 'other', default: null },
        { username: 'bobby', name: 'editor', provider: null, default: 'editor' },
      ],
    )
    await d.json('user delete bobby --yes')
    await d.json('role revoke --provider other --yes')
  },
)

test.serial('role grant says whether it changed anything, and warns of admin', async (t) => {
  t.is((await d.run('role grant ALICE editor')).stdout, '"alice" now has the role "editor".\n')
  t.is((await d.run('role grant alice editor')).stdout, '"alice" already had the role "editor".\n')
  t.regex((await d.json('role create admin')).warning, /superuser/)
  t.regex((await d.json('role create rôle')).warning, /not ASCII/)
  const { stderr } = await d.run('role grant alice admin')
  t.regex(stderr, /^Warning: admin is the superuser of Hasura[^\n]+\n$/)
  const preview = await d.json('claims preview alice')
  t.deepEqual(preview.token[namespace]['x-hasura-allowed-roles'], ['editor', 'user'])
  t.deepEqual(preview.leftOut, ['role "admin"'])
  const json = { env: { AUTH_CLAIMS_VALUES: 'json' } }
  t.is(
    (await d.run(`claims set alice ids '[[1], [2, 3]]'`, json)).stdout,
    '"alice" now has x-hasura-ids: [[1],[2,3]]\n',
  )
  t.deepEqual((await d.json('claims preview alice', json)).webhook['x-hasura-ids'], [[1], [2, 3]])
  t.regex((await d.run('claims preview alice', json)).stdout, /^x-hasura-ids +\[\[1\],\[2,3\]\]$/m)
  t.true((await d.json('claims preview alice')).leftOut.includes('claim "ids"'))
  await d.json('claims unset alice ids')
  t.like(await d.failure('claims preview alice --role admin'), { code: 'role_denied', exit: 1 })
  t.is((await d.json('claims preview alice --role=')).webhook['X-Hasura-Role'], 'user')
  await d.json('role revoke alice admin')
})

besideGateway('claims preview shows what token and webhook say, also of roles just granted', async (t) => {
  await d.sql(`INSERT INTO user_claim (user_id, name, value)
    SELECT id, 'org-ids', '[1, 2]'::jsonb FROM "user"`)
  await d.json('role create author')
  const gateway = await d.gateway({ AUTH_CLAIMS_FORMAT: 'stringified_json' })
  t.teardown(() => gateway.stop())
  const { refreshToken } = await signIn(gateway, 'alice')

  await d.json('role grant alice author')
  await d.json('role default alice author')
  const refreshed = await ask<SessionBody>(gateway, '/token', { body: { refreshToken } })
  t.deepEqual(refreshed.body.roles, ['author', 'editor', 'user'])
  const stringified = await d.json('claims preview alice --role editor', {
    env: { AUTH_CLAIMS_FORMAT: 'stringified_json' },
  })
  t.is(stringified.token[namespace], decodeJwt(refreshed.body.token)[namespace] as string)
  const plain = await d.json('claims preview alice')
  t.deepEqual(plain.token[namespace], JSON.parse(stringified.token[namespace]))

  const headers = { authorization: `Bearer ${refreshed.body.token}`, 'x-hasura-role': 'editor' }
  const { body: webhook } = await ask(gateway, '/webhook', { body: { headers } })
  t.like(stringified.webhook, {
    'X-Hasura-Role': 'editor',
    'x-hasura-org-ids': '{1,2}',
    'Cache-Control': 'max-age=900',
  })
  t.deepEqual({ ...webhook, 'Cache-Control': '' }, { ...stringified.webhook, 'Cache-Control': '' })

  const { stdout } = await d.run('claims preview alice')
  t.regex(stdout, /^x-hasura-allowed-roles {2}author, editor, user$/m)
  t.regex(stdout, /^X-Hasura-Role +author$/m)
})

test.serial('role grant, claims preview and doctor warn of tokens that servers reject', async (t) => {
  await d.json('user create bulky --password-stdin', { input: 'correct horse' })
  const id = (await d.json('user show bulky')).id
  await d.sql(
    `WITH made AS (
      INSERT INTO role (name) SELECT 'a role with quite a long name ' || n FROM generate_series(1, 900) n RETURNING id)
    INSERT INTO user_role (user_id, role_id) SELECT '${id}', id FROM made`,
  )
  t.regex((await d.json('role grant bulky editor')).warning, /this gateway rejects it, with 431/)
  t.regex((await d.json('claims preview bulky')).warning, /this gateway rejects it, with 431/)
  const { checks } = JSON.parse((await d.run('doctor --json')).stdout)
  t.like(
    checks.find(({ name }: { name: string }) => name === 'token size'),
    { status: 'warning' },
  )
  await d.sql(`DELETE FROM "user" WHERE id = '${id}'`)
})
