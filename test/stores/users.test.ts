import { engines } from '../_app.ts'
import test from '../_test.ts'
import { attemptAll, openStores, type Stores } from './_stores.ts'

for (const engine of engines) {
  let stores: Stores
  test.before(`${engine}: open`, async () => {
    stores = await openStores(engine)
  })
  test.after.always(`${engine}: close`, () => stores?.close())

  test(`${engine}: a user is found by the name in any case and compatibility form, and keeps the original spelling`, async (t) => {
    const id = await stores.users.create({ username: 'Ålice ﬁrst', password: 'hash', email: 'a@example.com' })
    for (const username of ['Ålice ﬁrst', 'ÅLICE FIRST', 'A\u030Alice first']) {
      t.deepEqual(await stores.users.findCredentials(username), { id, password: 'hash', active: true })
    }
    t.is(await stores.users.findCredentials('Alice first'), null)
    t.deepEqual(await stores.sql('SELECT username, email, email_verified FROM "user" WHERE id = $1', [id]), [
      { username: 'Ålice ﬁrst', email: 'a@example.com', email_verified: false },
    ])
  })

  test(`${engine}: a name that differs only by case is username_taken`, async (t) => {
    await stores.addUser('Bob')
    await t.throwsAsync(stores.addUser('bOB'), { code: 'username_taken' })
  })

  test(`${engine}: of twenty concurrent sign-ups of one name, in any case, one succeeds and the others get username_taken`, async (t) => {
    const { values, codes } = await attemptAll(20, (number) => stores.addUser(number % 2 ? 'CAROL' : 'carol'))
    t.is(values.length, 1)
    t.deepEqual(codes, Array(19).fill('username_taken'))
  })

  test(`${engine}: a hash is replaced only while it equals the hash that was read`, async (t) => {
    const id = await stores.addUser('dora')
    await stores.users.replaceHash(id, 'another', 'stolen', 'all')
    t.is((await stores.users.findCredentials('dora'))?.password, 'hash')
    await stores.users.replaceHash(id, 'hash', 'stronger', 'all')
    t.is((await stores.users.findCredentials('dora'))?.password, 'stronger')
  })

  test(`${engine}: a profile lists the identities in the order in which they were made`, async (t) => {
    const id = await stores.addUser('erin')
    await stores.sql(
      `INSERT INTO identity (provider, subject, user_id, created_at) VALUES
        ('github', '2', $1, '2026-01-02'), ('google', '1', $1, '2026-01-01')`,
      [id],
    )
    const profile = await stores.users.findProfile(id)
    t.deepEqual(profile?.identities, [
      { provider: 'google', subject: '1', email: null },
      { provider: 'github', subject: '2', email: null },
    ])
    t.is(await stores.users.findProfile('00000000-0000-4000-8000-000000000000'), null)
  })
}
