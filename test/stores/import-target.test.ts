import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { createDatabase, type Database } from '../../src/database/database.ts'
import {
  createImportTarget,
  type ImportedUser,
  type ImportTarget,
  rehearse,
} from '../../src/stores/import-target.ts'
import { createServerDatabase, engines, patience, root } from '../_app.ts'
import test from '../_test.ts'
import { openDatabase } from '../database/_open.ts'
import { profiles } from './_profiles.ts'

const id = (n: number) => `4b7d2b6e-3c0f-4a4e-9d5c-${String(n).padStart(12, '0')}`

const user = (n: number, changes: Partial<ImportedUser> = {}): ImportedUser => ({
  id: id(n),
  username: `user${n}`,
  password: null,
  email: `user${n}@example.com`,
  emailVerified: true,
  active: true,
  defaultRole: 'editor',
  createdAt: null,
  roles: ['me', 'editor'],
  identities: [{ provider: 'github', subject: String(n) }],
  ...changes,
})

for (const engine of engines) {
  let dataDir: string
  let database: Database
  let target: ImportTarget
  test.before(`${engine}: open`, async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'claimgate-'))
    const databaseUrl = engine === 'server' ? await createServerDatabase() : undefined
    database = createDatabase(
      await openDatabase(
        { databaseUrl, databaseTimeout: patience, dataDir },
        root,
        pino({ level: 'silent' }),
      ),
    )
    target = createImportTarget(database.query)
  })
  test.after.always(`${engine}: close`, async () => {
    await database?.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  const count = async () =>
    (await (await database.prisma()).user.count()) + (await (await database.prisma()).identity.count())

  test.serial(`${engine}: a rehearsal sees what it has written, and leaves nothing`, async (t) => {
    const seen = await rehearse(database, async (rehearsed) => {
      t.deepEqual(await rehearsed.write([user(1)]), { users: 1, grants: 2, identities: 1, roles: 2 })
      return (await rehearsed.read([user(1)])).standings.get(id(1))?.isPresent
    })
    t.true(seen)
    t.is(await count(), 0)
    t.is(await (await database.prisma()).role.count(), 0)
  })

  test.serial(`${engine}: a rehearsal that cannot go on fails with the reason`, async (t) => {
    const work = rehearse(database, (rehearsed) => rehearsed.write([user(1), user(2, { username: 'user1' })]))
    await t.throwsAsync(work, { message: /user_username_key_unique/ })
    t.is(await count(), 0)
  })

  test.serial(`${engine}: a rehearsal goes on after a name that was taken meanwhile`, async (t) => {
    const written = await rehearse(database, async (rehearsed) => {
      await rehearsed.write([user(1)])
      t.is(await rehearsed.write([user(2, { username: 'USER1' })]), null)
      return rehearsed.write([user(2)])
    })
    t.is(written?.users, 1)
    t.is(await count(), 0)
  })

  test.serial(
    `${engine}: a duplicate in a table of the owner's fails an import and its rehearsal with its constraint`,
    async (t) => {
      for (const text of profiles) await database.query({ name: '', text }, [])
      const both = ['profile-a', 'profile-b'].map((username, n) =>
        user(n, { username, roles: [], defaultRole: null }),
      )
      await t.throwsAsync(target.write(both), { message: /profile_kind_key/ })
      await t.throwsAsync(
        rehearse(database, (rehearsed) => rehearsed.write(both)),
        { message: /profile_kind_key/ },
      )
      await database.query({ name: '', text: 'DROP TABLE profile' }, [])
      await database.query({ name: '', text: 'DROP FUNCTION make_profile CASCADE' }, [])
      t.is(await count(), 0)
    },
  )

  test.serial(
    `${engine}: users are written with roles, default role and identities, and found afterwards`,
    async (t) => {
      t.deepEqual(await target.write([user(1), user(2)]), { users: 2, grants: 4, identities: 2, roles: 2 })
      t.deepEqual(await target.write([user(3)]), { users: 1, grants: 2, identities: 1, roles: 0 })
      const found = await target.read([user(1), user(9, { username: 'USER2', email: 'User3@Example.com' })])
      t.like(found.standings.get(id(1)), {
        isPresent: true,
        hasPassword: false,
        usernameOwner: id(1),
        emailOwner: id(1),
      })
      t.like(found.standings.get(id(9)), {
        isPresent: false,
        usernameKey: 'user2',
        usernameOwner: id(2),
        emailOwner: id(3),
      })
      t.deepEqual(found.owners, [{ provider: 'github', subject: '1', owner: id(1) }])
      const include = { defaultRole: true }
      t.like(await (await database.prisma()).user.findUnique({ where: { id: id(1) }, include }), {
        username: 'user1',
        emailVerified: true,
        defaultRole: { name: 'editor' },
      })
    },
  )

  const taken: Record<string, ImportedUser> = {
    id: user(1, { username: 'other', email: null, identities: [] }),
    username: user(5, { username: 'User1', identities: [] }),
    'verified address': user(5, { email: 'USER1@example.com', identities: [] }),
    identity: user(5, { identities: [{ provider: 'github', subject: '1' }] }),
  }
  for (const [what, second] of Object.entries(taken)) {
    test.serial(`${engine}: when the ${what} has been taken meanwhile, no user is written`, async (t) => {
      const before = await count()
      t.is(await target.write([user(4), second]), null)
      t.is(await count(), before)
    })
  }
}
