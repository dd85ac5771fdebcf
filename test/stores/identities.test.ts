import { engines } from '../_app.ts'
import test from '../_test.ts'
import { attemptAll, later, now, openStores, type Stores } from './_stores.ts'

const identity = { provider: 'github', subject: '1', email: 'a@example.com', emailVerified: true }

for (const engine of engines) {
  let stores: Stores
  test.before(`${engine}: open`, async () => {
    stores = await openStores(engine)
  })
  test.after.always(`${engine}: close`, () => stores?.close())

  test(`${engine}: the first sign-in creates a user, later ones find the user and store the provider's current data`, async (t) => {
    const { identities, sql } = stores
    const first = await identities.findOrCreate({ ...identity, subject: 'anna' }, ['anna'], true, now)
    t.like(first, { active: true, isNew: true })
    const changed = { ...identity, subject: 'anna', email: 'new@example.com', emailVerified: false }
    t.deepEqual(await identities.findOrCreate(changed, ['other'], true, later(60)), {
      ...first,
      isNew: false,
    })
    t.deepEqual(
      await sql('SELECT email, email_verified, last_used_at FROM identity WHERE subject = $1', ['anna']),
      [{ email: 'new@example.com', email_verified: false, last_used_at: later(60) }],
    )
    t.deepEqual(await sql('SELECT username, password, email FROM "user" WHERE id = $1', [first.id]), [
      { username: 'anna', password: null, email: 'a@example.com' },
    ])
  })

  test(`${engine}: the next name replaces a taken one, and no free name is username_taken`, async (t) => {
    await stores.addUser('Bob')
    const unverified = { ...identity, subject: 'bob', emailVerified: false }
    const { id } = await stores.identities.findOrCreate(unverified, ['bob', 'bob-2'], true, now)
    t.deepEqual(await stores.sql('SELECT username, email FROM "user" WHERE id = $1', [id]), [
      { username: 'bob-2', email: null },
    ])
    await t.throwsAsync(
      stores.identities.findOrCreate({ ...unverified, subject: 'bobby' }, ['BOB', 'Bob-2'], true, now),
      { code: 'username_taken' },
    )
  })

  test(`${engine}: with sign-up disabled only known users sign in`, async (t) => {
    const known = { ...identity, subject: 'carol', email: null, emailVerified: false }
    await t.throwsAsync(stores.identities.findOrCreate(known, ['carol'], false, now), {
      code: 'signup_disabled',
    })
    const made = await stores.identities.findOrCreate(known, ['carol'], true, now)
    t.deepEqual(await stores.identities.findOrCreate(known, ['carol'], false, now), { ...made, isNew: false })
  })

  test(`${engine}: a verified address never leads into another account, in any case; a similar one is free`, async (t) => {
    const owner = { ...identity, subject: 'dora', email: 'do_ra@example.com' }
    await stores.identities.findOrCreate(owner, ['dora'], true, now)
    const thief = { provider: 'google', subject: '9', email: 'DO_RA@example.com', emailVerified: true }
    await t.throwsAsync(stores.identities.findOrCreate(thief, ['x'], true, now), { code: 'link_required' })
    const unproven = { ...thief, subject: '10', emailVerified: false }
    t.truthy(await stores.identities.findOrCreate(unproven, ['dora-10'], true, now))
    const similar = { ...thief, subject: '11', email: 'do-ra@example.com' }
    t.truthy(await stores.identities.findOrCreate(similar, ['dora-11'], true, now))
  })

  test(`${engine}: twenty concurrent first sign-ins of one identity create one user`, async (t) => {
    const person = { ...identity, subject: 'erin', email: 'erin@example.com' }
    const { values, codes } = await attemptAll(20, (number) =>
      stores.identities.findOrCreate(person, ['erin', `erin-${number}`], true, now),
    )
    t.deepEqual(codes, [])
    t.is(new Set(values.map(({ id }) => id)).size, 1)
    const [{ count } = {}] = await stores.sql(`SELECT count(*)::int FROM "user" WHERE username LIKE 'erin%'`)
    t.is(count, 1)
  })

  test(`${engine}: of twenty concurrent identities with one verified address, one gets it and the others get link_required`, async (t) => {
    const { values, codes } = await attemptAll(20, (number) => {
      const person = { ...identity, subject: `frank-${number}`, email: 'frank@example.com' }
      return stores.identities.findOrCreate(person, [`frank-${number}`], true, now)
    })
    t.is(values.length, 1)
    t.deepEqual(codes, Array(19).fill('link_required'))
  })
}
