import { isUniqueViolation } from '../../src/database/failures.ts'
import { createRoles } from '../../src/stores/roles.ts'
import { createUserAdmin } from '../../src/stores/user-admin.ts'
import { engines } from '../_app.ts'
import test from '../_test.ts'
import { profiles } from './_profiles.ts'
import { now, openStores, type Stores } from './_stores.ts'

for (const engine of engines) {
  let stores: Stores
  test.before(`${engine}: open`, async () => {
    stores = await openStores(engine)
    for (const text of profiles) await stores.sql(text)
    await stores.addUser('profile')
  })
  test.after.always(`${engine}: close`, () => stores?.close())

  test(`${engine}: a duplicate in a table of the owner's is no taken name, role or identity`, async (t) => {
    const { database, identities } = stores
    const userId = await stores.addUser('ada')
    const identity = { provider: 'github', subject: '1', email: null, emailVerified: false }
    const attempts = {
      signup: () => stores.addUser('profile-2'),
      provider: () => identities.findOrCreate(identity, ['profile-3', 'profile-4'], true, now),
      'provider whose identity is refused': () =>
        identities.findOrCreate({ ...identity, subject: 'profile-5' }, ['bob', 'bob-2'], true, now),
      link: () => identities.link({ ...identity, subject: 'profile-6' }, userId, now),
      command: () =>
        createUserAdmin(database).create({ username: 'profile-7', password: 'hash', email: null }, []),
      role: () => createRoles(database).create('profile-8'),
    }
    for (const [name, attempt] of Object.entries(attempts)) {
      const error = await t.throwsAsync(attempt, undefined, name)
      t.true(isUniqueViolation(error), `${name}: ${error}`)
    }
    t.deepEqual(await stores.sql('SELECT username FROM "user" ORDER BY username'), [
      { username: 'ada' },
      { username: 'profile' },
    ])
  })

  test(`${engine}: a name that is taken is username_taken beside a table of the owner's`, async (t) => {
    const { database } = stores
    await t.throwsAsync(stores.addUser('PROFILE'), { code: 'username_taken' })
    const again = { username: 'Profile', password: 'hash', email: null }
    await t.throwsAsync(createUserAdmin(database).create(again, []), { code: 'username_taken' })
    await stores.sql("INSERT INTO role (name) VALUES ('editor')")
    t.is(await createRoles(database).create('editor'), null)
  })
}
