import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import bcrypt from 'bcrypt'
import { engines, startApp } from '../_app.ts'
import { makeDirectory } from '../_directory.ts'
import { startFakeProvider } from '../_fake-provider.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { signIn } from '../authentication/_sign-in.ts'
import { importReport, startImport } from './_command.ts'
import { createSource, fillMany } from './_sources.ts'

const ada = '5b7d2b6e-3c0f-4a4e-9d5c-000000000001'

const createDirectory = async (t: ExecutionContext) => {
  const directory = await makeDirectory()
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

if (engines.includes('server')) {
  test('users are imported into the embedded database, and can sign in at the gateway, beside which an import runs', async (t) => {
    const source = await createSource(
      'hasura-auth',
      `INSERT INTO auth.users (id, email, email_verified, password_hash, default_role)
         VALUES ('${ada}', 'ada@example.com', true, '${bcrypt.hashSync('correct horse', 4)}', 'editor');
       INSERT INTO auth.user_roles (user_id, role) VALUES ('${ada}', 'me'), ('${ada}', 'user');
       INSERT INTO auth.user_providers (user_id, provider_id, provider_user_id) VALUES ('${ada}', 'github', '1815');`,
    )
    const env = { AUTH_DATA_DIR: await createDirectory(t) }
    const rehearsed = await importReport(['hasura-auth', source.url, '--dry-run'], { env })
    const report = await importReport(['hasura-auth', source.url], { env })
    t.like(report, { code: 0, users: { imported: 1 }, roles: { granted: 1 }, identities: { linked: 1 } })
    t.deepEqual({ ...rehearsed, dryRun: false }, report)
    t.like(await importReport(['hasura-auth', source.url], { env }), { users: { imported: 0, present: 1 } })

    const provider = await startFakeProvider()
    t.teardown(() => provider.stop())
    const app = await startApp({ engine: 'embedded', env: { ...env, ...provider.github.environment } })
    t.teardown(() => app.close())
    const login = await app.login('ada@example.com')
    t.like(await app.claimsOf(login.body.token), {
      'x-hasura-user-id': ada,
      'x-hasura-allowed-roles': ['editor', 'me', 'user'],
      'x-hasura-default-role': 'editor',
    })
    const emails = [{ email: 'ada@example.com', primary: true, verified: true }]
    t.is(
      (await signIn({ app, fake: provider }, 'github', { user: { id: 1815, login: 'ada' }, emails })).body.id,
      ada,
    )

    t.like(await importReport(['hasura-auth', source.url], { env }), { users: { imported: 0, present: 1 } })
  })

  test('after a kill, the next import into the embedded database continues with the missing users', async (t) => {
    const source = await createSource('hasura-backend-plus', fillMany('hasura-backend-plus', 2000))
    const env = { AUTH_DATA_DIR: await createDirectory(t) }
    const child = startImport(['hasura-backend-plus', source.url], { ...env, PAGE_SIZE: '50' })
    await once(child.stderr as NodeJS.ReadableStream, 'data')
    child.kill('SIGKILL')
    await once(child, 'exit')
    const report = await importReport(['hasura-backend-plus', source.url], { env })
    const { imported, present } = report.users
    t.true(present >= 200 && present < 2000, `${present} users`)
    t.is(imported + present, 2000)
    t.deepEqual(report.roles.granted, imported * 2)
    t.deepEqual(report.identities.linked, imported)
  })
} else {
  test('importing is tested with a server only', (t) => t.pass())
}
