import { generateKeyPairSync } from 'node:crypto'
import { engines, quick } from '../_app.ts'
import { isLong } from '../_rounds.ts'
import test from '../_test.ts'
import { createDeployment, signIn, type TestDeployment } from './_command.ts'

const input = 'correct horse battery\n'
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()

for (const engine of engines) {
  let d: TestDeployment
  test.before(`${engine}: start`, async () => {
    // The code of a command is the same on both databases, and its process costs a second.
    d = await createDeployment(engine, { firstAsProcess: isLong || engine === quick })
  })
  test.after.always(`${engine}: stop`, () => d?.close())

  test.serial(`${engine}: migrate`, async (t) => {
    t.deepEqual(await d.json('migrate'), { created: false, applied: [] })
    const { migrations, pending } = await d.json('migrate --status')
    t.is(pending, 0)
    t.like(migrations[0], { name: '0001_seed', applied: true })
  })

  test.serial(`${engine}: role create, user create, list and show`, async (t) => {
    t.is((await d.json('role create editor')).name, 'editor')
    const made = await d.json('user create Alice --password-stdin --role editor', { input })
    t.like(made, { username: 'Alice', email: null, roles: ['editor'] })
    t.like((await d.json('user list')).users[0], { id: made.id, username: 'Alice', active: true })
    t.like(await d.json('user show alice'), { id: made.id, hasPassword: true, roles: ['editor'] })
  })

  test.serial(`${engine}: role default, revoke, grant and list, claims preview`, async (t) => {
    t.is((await d.json('role default alice editor')).defaultRole, 'editor')
    const { token } = await d.json('claims preview alice')
    t.like(token['https://hasura.io/jwt/claims'], {
      'x-hasura-allowed-roles': ['editor', 'user'],
      'x-hasura-default-role': 'editor',
    })
    t.like(await d.json('role revoke alice editor'), { changed: true, wasDefault: true })
    t.like(await d.json('role grant alice editor'), { changed: true })
    t.is((await d.json('role default alice --clear')).defaultRole, null)
    t.like((await d.json('role list')).roles[0], { name: 'editor', users: 1, defaultOf: 0 })
    t.is((await d.json('claims preview alice --role editor')).webhook['X-Hasura-Role'], 'editor')
  })

  test.serial(
    `${engine}: changes of names, addresses, roles and identities, lists and exports`,
    async (t) => {
      await d.json('role create draft')
      t.like(await d.json('role grant alice ALICE draft'), { users: [{ username: 'Alice', changed: true }] })
      await d.json('role rename draft final')
      t.is((await d.json('user list --search ALI --role final')).users.length, 1)
      t.is((await d.json('user list --inactive')).users.length, 0)
      t.like(await d.json('role revoke final --users-from -', { input: 'alice\n' }), {
        users: [{ changed: true }],
      })
      t.like(await d.json('role delete final --yes'), { users: 0 })
      await d.json('user rename alice Alicia')
      t.like(await d.json('user set-email alicia a@b.test --verified'), { emailVerified: true })
      t.like(await d.json('user export alicia'), { email: 'a@b.test', claims: {}, sessions: [] })
      t.deepEqual((await d.json('identity list alicia')).identities, [])
      t.like(await d.failure('identity unlink alicia github'), { code: 'identity_not_found' })
      t.like(await d.json('session revoke --everybody --yes'), { users: 1 })
      await d.json('user set-email alicia --clear')
      await d.json('user rename alicia Alice')
    },
  )

  test.serial(`${engine}: claims set and unset`, async (t) => {
    t.like(await d.json('claims set alice org-id acme'), { username: 'Alice', name: 'org-id', value: 'acme' })
    t.deepEqual((await d.json(`claims set alice team-ids '[3, 7]'`)).value, [3, 7])
    const long = '12345678901234567890'
    t.is((await d.json(`claims set alice org-id ${long}`)).value, long)
    t.is((await d.json('claims set alice org-id 1e400')).value, '1e400')
    t.is((await d.json('claims set alice org-id 5')).value, 5)
    t.like((await d.json('claims preview alice')).webhook, {
      'x-hasura-org-id': '5',
      'x-hasura-team-ids': '{3,7}',
    })
    t.like(await d.json('claims unset alice org-id'), { changed: true })
    t.like(await d.json('claims unset alice org-id'), { changed: false })
    t.deepEqual(Object.keys((await d.json('claims preview alice')).webhook).sort(), [
      'Cache-Control',
      'X-Hasura-Role',
      'X-Hasura-User-Id',
      'x-hasura-team-ids',
    ])
  })

  test.serial(`${engine}: session list and revoke`, async (t) => {
    const gateway = await d.gateway()
    for (let i = 0; i < 3; i++) await signIn(gateway, 'alice', input.trim())
    await gateway.stop()
    const { sessions } = await d.json('session list alice')
    t.is(sessions.length, 3)
    t.deepEqual(await d.json(`session revoke ${sessions[0].id}`), { revoked: 1 })
    t.is((await d.json('session revoke --all ALICE')).revoked, 2)
    t.deepEqual((await d.json('session list alice')).sessions, [])
  })

  test.serial(`${engine}: keys list, rotate, retire and import`, async (t) => {
    const [first] = (await d.json('keys list')).keys
    t.like(first, { state: 'active', signs: true, source: 'database', bits: 2048 })
    const next = await d.json('keys rotate')
    t.like(next, { state: 'next', isNew: true })
    t.like(await d.json(`keys retire ${next.kid}`), { was: 'next' })
    const imported = await d.json('keys import -', { input: pem })
    t.like(await d.json('keys rotate --now'), { kid: imported.kid, state: 'active', retired: first.kid })
    const { keys } = await d.json('keys list')
    t.deepEqual(
      keys.map(({ kid, state }: { kid: string; state: string }) => [kid, state]),
      [
        [first.kid, 'retiring'],
        [imported.kid, 'active'],
      ],
    )
  })

  test.serial(`${engine}: user set-password, deactivate, activate and delete`, async (t) => {
    const { id } = await d.json('user set-password alice --password-stdin', { input: 'another password' })
    t.like(await d.json('user deactivate alice'), { id, active: false, changed: true })
    t.like(await d.json('user activate alice'), { id, active: true, changed: true })
    const gateway = await d.gateway()
    t.is((await signIn(gateway, 'alice', 'another password')).id, id)
    await gateway.stop()
    t.deepEqual(await d.json('user delete alice --yes'), { id, username: 'Alice' })
    t.deepEqual((await d.json('user list')).users, [])
    t.deepEqual(await d.sql('SELECT id FROM session'), [])
  })

  test.serial(`${engine}: no command has printed a secret`, (t) => {
    const transcript = d.transcript()
    t.true(transcript.length > 3000)
    t.notRegex(transcript, /correct horse|another password|\$2[aby]\$|argon2|PRIVATE|cgr_|eyJ|a secret that/)
    const password = d.env.DATABASE_URL && new URL(d.env.DATABASE_URL).password
    if (password) t.false(transcript.includes(password))
  })
}
