import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { enginesOfRun } from '../_app.ts'
import test from '../_test.ts'
import { ask, createDeployment, signIn, type TestDeployment } from './_command.ts'

const input = 'correct horse'

for (const engine of enginesOfRun) {
  let d: TestDeployment
  test.before(`${engine}: start`, async () => {
    d = await createDeployment(engine)
    for (const name of ['alice', 'bob', 'carol'])
      await d.json(`user create ${name} --password-stdin --email ${name}@b.test`, { input })
    for (const role of ['editor', 'author']) await d.json(`role create ${role}`)
  })
  test.after.always(`${engine}: stop`, () => d?.close())

  test.serial(`${engine}: role grant and revoke work for many users, for all of them or none`, async (t) => {
    const granted = await d.json('role grant alice BOB alice editor')
    t.deepEqual(
      granted.users.map(({ username, changed }: { username: string; changed: boolean }) => [
        username,
        changed,
      ]),
      [
        ['alice', true],
        ['bob', true],
      ],
    )
    const { id } = await d.json('user show carol')
    await writeFile(join(d.cwd, 'team.txt'), `alice\n\n  ${id}  \r\ncarol\n`)
    const { stdout } = await d.run(`role grant editor --users-from ${join(d.cwd, 'team.txt')}`)
    t.is(stdout, '1 user now has the role "editor", and 1 user already had it.\n')
    t.is((await d.json('role list')).roles.find(({ name }: { name: string }) => name === 'editor').users, 3)

    const missing = await d.failure('role grant editor --users-from -', {
      input: 'alice\nnobody\nbob\nnothing\n',
    })
    t.like(missing, { code: 'user_not_found', exit: 66 })
    t.is(missing.message, 'There are no users "nobody", "nothing". Nothing was changed')
    t.like(await d.failure('role grant editor --users-from /nowhere'), { code: 'file_not_found', exit: 66 })
    t.like(await d.failure('role grant editor --users-from -', { input: '\n' }), { code: 'usage', exit: 64 })

    await d.json('role default carol editor')
    const revoked = await d.run('role revoke alice carol editor')
    t.is(revoked.stdout, '2 users no longer have the role "editor".\n')
    t.is((await d.json('user show carol')).defaultRole, null)
    t.like(await d.json('role revoke alice bob editor'), { users: [{ changed: false }, { changed: true }] })
  })

  test.serial(`${engine}: role rename keeps the users of a role, and refuses a name in use`, async (t) => {
    await d.json('role grant alice editor')
    t.like(await d.json('role rename editor writer'), { name: 'writer', was: 'editor' })
    t.deepEqual((await d.json('user show alice')).roles, ['writer'])
    t.like(await d.failure('role rename writer author'), { code: 'role_exists', exit: 73 })
    t.like(await d.failure('role rename editor other'), { code: 'role_not_found', exit: 66 })
    t.like(await d.failure(`role rename writer ' x'`), { code: 'validation_failed', exit: 65 })
    t.like(await d.json('role rename writer writer'), { name: 'writer' })
  })

  test.serial(`${engine}: role delete asks first, and takes the role from its users`, async (t) => {
    await d.json('role grant bob writer')
    await d.json('role default bob writer')
    const unsure = await d.failure('role delete writer')
    t.like(unsure, { code: 'usage', exit: 64 })
    t.is(unsure.message, 'Delete the role "writer" of 2 users permanently? Confirm with --yes')
    t.like(await d.json('role delete writer --yes'), { name: 'writer', users: 2 })
    t.like(await d.json('user show bob'), { roles: [], defaultRole: null })
    t.like(await d.failure('role delete writer --yes'), { code: 'role_not_found', exit: 66 })
  })

  test.serial(
    `${engine}: a role of the deployment without a row is explained, with what to do`,
    async (t) => {
      const message = async (line: string) => (await d.failure(line)).message
      const every = 'Every active user has the role "user" by AUTH_DEFAULT_ROLE, without a row; '
      t.is(
        await message('role default alice user'),
        `${every}set it as default with: claimgate role default alice --clear`,
      )
      t.is(await message('role grant alice user'), `${every}it needs no grant`)
      t.is(await message('role revoke alice user'), `${every}it cannot be revoked`)
      t.is(await message('role delete user --yes'), `${every}it cannot be deleted`)
      await d.json('role create user')
      t.is((await d.json('role default alice user')).defaultRole, 'user')
      t.regex((await d.json('role delete user --yes')).warning, /AUTH_DEFAULT_ROLE still names "user"/)
    },
  )

  test.serial(`${engine}: user rename follows the rules of sign-up`, async (t) => {
    t.like(await d.json('user rename alice Alicia'), { username: 'Alicia', was: 'alice' })
    t.like(await d.json('user rename alicia ALICIA'), { username: 'ALICIA' })
    t.like(await d.failure('user rename alicia BOB'), { code: 'username_taken', exit: 73 })
    t.like(await d.failure(`user rename alicia 'a\u200bb'`), { code: 'validation_failed', exit: 65 })
    t.like(await d.failure('user rename alice x'), { code: 'user_not_found', exit: 66 })
    await d.json('user rename ALICIA alice')
  })

  test.serial(`${engine}: user set-email stores a verified address for one user only`, async (t) => {
    t.like(await d.json('user set-email alice one@b.test --verified'), { emailVerified: true })
    t.like(await d.json('user set-email bob ONE@b.test'), { email: 'ONE@b.test', emailVerified: false })
    const taken = await d.failure('user set-email bob ONE@b.test --verified')
    t.like(taken, { code: 'email_taken', exit: 73 })
    t.regex(taken.message, /^Another user has verified the address "ONE@b\.test"; set it without --verified/)
    t.like(await d.json('user set-email alice two@b.test'), { emailVerified: false })
    t.like(await d.failure('user set-email alice nonsense'), { code: 'validation_failed', exit: 65 })
    t.like(await d.json('user set-email alice --clear'), { email: null, emailVerified: false })
    t.like(await d.json('user show alice'), { email: null, emailVerified: false })
    t.is(
      (await d.run('user set-email alice a@b.test')).stdout,
      'The e-mail address of "alice" is now a@b.test (not verified).\n',
    )
  })

  test.serial(
    `${engine}: user list finds by the beginning of name or address, by role and by state`,
    async (t) => {
      await d.json('user set-email bob caro@b.test')
      await d.json('role grant alice bob carol author')
      await d.json('role default bob author')
      await d.json('user deactivate carol')
      const found = async (flags: string) =>
        (await d.json(`user list ${flags}`)).users.map(({ username }: { username: string }) => username)
      t.deepEqual(await found('--search CARO'), ['bob', 'carol'])
      t.deepEqual(await found('--search aro'), [])
      t.deepEqual(await found(`--search '%'`), [])
      t.deepEqual(await found('--role author'), ['alice', 'bob', 'carol'])
      t.deepEqual(await found('--role author --search caro --inactive'), ['carol'])
      t.deepEqual(await found('--inactive'), ['carol'])
      t.like(await d.failure('user list --role nothing'), { code: 'role_not_found', exit: 66 })
      const first = await d.run('user list --role author --search CARO --limit 1')
      t.regex(first.stdout, /\nNext page: claimgate user list --search CARO --role author --after bob\n$/)
      t.deepEqual(await found('--search CARO --role author --after bob'), ['carol'])
      await d.json('user activate carol')
    },
  )

  test.serial(`${engine}: user export has all data of a user, and no secret`, async (t) => {
    await d.json('claims set alice org-id acme')
    await d.sql(
      `INSERT INTO identity (provider, subject, user_id) SELECT 'github', '1815', id FROM "user" WHERE username = 'alice'`,
    )
    const gateway = await d.gateway()
    await signIn(gateway, 'alice', input)
    await signIn(gateway, 'alice', input)
    await gateway.stop()
    const [newest] = (await d.json('session list alice')).sessions
    await d.json(`session revoke ${newest.id}`)
    const { stdout } = await d.run('user export alice')
    const data = JSON.parse(stdout)
    t.like(data, { username: 'alice', hasPassword: true, roles: ['author'], claims: { 'org-id': 'acme' } })
    t.like(data.identities, [{ provider: 'github', subject: '1815' }])
    t.deepEqual(data.sessions.map(({ ended }: { ended: boolean }) => ended).sort(), [false, true])
    t.like(
      data.sessions.find(({ id }: { id: string }) => id === newest.id),
      { endReason: 'administrator', amr: ['pwd'], address: '127.0.0.1' },
    )
    t.notRegex(stdout, /\$2|\$argon2|counter/)
    t.deepEqual(await d.json('user export alice'), data)
    t.like(await d.failure('user export nobody'), { code: 'user_not_found', exit: 66 })
  })

  test.serial(`${engine}: identity list and unlink leave the last way to sign in`, async (t) => {
    t.like((await d.json('identity list alice')).identities, [{ provider: 'github', subject: '1815' }])
    t.like(await d.failure('identity unlink alice google'), { code: 'identity_not_found', exit: 66 })
    await d.sql(`UPDATE "user" SET password = NULL WHERE username = 'alice'`)
    const last = await d.failure('identity unlink alice github')
    t.like(last, { code: 'last_way_in', exit: 1 })
    t.regex(last.message, /set a password first: claimgate user set-password alice$/)
    await d.json('user set-password alice --password-stdin', { input })
    await d.sql(`INSERT INTO session (id, user_id, counter, created_at, idle_expires_at, expires_at, provider, epoch)
      SELECT gen_random_uuid(), id, 0, now(), now() + interval '1 day', now() + interval '1 day', 'github', session_epoch
      FROM "user" WHERE username = 'alice'`)
    t.is((await d.json('session list alice')).sessions.length, 1)
    t.like(await d.json('identity unlink alice github'), { username: 'alice', provider: 'github' })
    t.is((await d.json('session list alice')).sessions.length, 0)
    t.is((await d.run('identity list alice')).stdout, 'No identities.\n')
  })

  test.serial(
    `${engine}: a deletion that a table of the owner stops names the table and the constraint`,
    async (t) => {
      await d.sql(`CREATE SCHEMA shop`)
      await d.sql(`CREATE TABLE shop.orders (id int, buyer uuid CONSTRAINT orders_buyer REFERENCES "user", role uuid
      CONSTRAINT orders_role REFERENCES role ON DELETE RESTRICT)`)
      await d.sql(
        `INSERT INTO shop.orders SELECT 1, u.id, r.id FROM "user" u, role r WHERE u.username = 'alice' AND r.name = 'author'`,
      )
      const user = await d.failure('user delete alice --yes')
      t.like(user, { code: 'still_referenced', exit: 1 })
      t.is(
        user.message,
        'The table shop.orders (constraint orders_buyer) still refers to this user; delete or reassign these rows first',
      )
      t.like(await d.failure('role delete author --yes'), {
        code: 'still_referenced',
        message:
          'The table shop.orders (constraint orders_role) still refers to this role; delete or reassign these rows first',
      })
      t.deepEqual((await d.json('user show alice')).roles, ['author'])
      await d.sql('DROP SCHEMA shop CASCADE')
      await d.json('user delete alice --yes')
      await d.json('role delete author --yes')
    },
  )

  test.serial(
    `${engine}: session revoke --everybody ends all sessions of more users than one statement takes`,
    async (t) => {
      await d.sql(`INSERT INTO "user" (username) SELECT 'many-' || n FROM generate_series(1, 2100) n`)
      const gateway = await d.gateway()
      t.teardown(() => gateway.stop('SIGKILL'))
      const tokens = [await signIn(gateway, 'bob', input), await signIn(gateway, 'carol', input)]
      t.deepEqual(await d.json('session revoke --everybody --yes'), { users: 2102 })
      for (const { refreshToken } of tokens)
        t.is((await ask(gateway, '/token', { body: { refreshToken } })).status, 401)
      await signIn(gateway, 'bob', input)
      t.is((await d.json('session list bob')).sessions.length, 1)
      await gateway.stop()
    },
  )
}
