import { engines } from '../_app.ts'
import test from '../_test.ts'
import { openStores, type Stores } from '../stores/_stores.ts'

// Rows that Hasura's console or psql writes without the gateway.
const refusals = [
  {
    what: 'a second active signing key',
    text: `INSERT INTO signing_key (kid, public_jwk, private_key, state)
      VALUES ('one', '{}', '', 'active'), ('two', '{}', '', 'active')`,
    message: /signing_key_one_active/,
  },
  {
    what: 'a signing key in a state that does not exist',
    text: `INSERT INTO signing_key (kid, public_jwk, private_key, state) VALUES ('x', '{}', '', 'old')`,
    message: /signing_key_state/,
  },
  {
    what: 'the same role twice',
    text: `INSERT INTO role (name) VALUES ('twice'), ('twice')`,
    message: /role_name_key/,
  },
  {
    what: 'a user who differs from another by case',
    text: `INSERT INTO "user" (username) VALUES ('Émile'), ('éMILE')`,
    message: /user_username_key_unique/,
  },
  {
    what: 'a user who differs from another by compatibility form',
    text: `INSERT INTO "user" (username) VALUES ('ﬁnn'), ('FINN')`,
    message: /user_username_key_unique/,
  },
  {
    what: 'a verified address of two users, in any case',
    text: `INSERT INTO "user" (username, email, email_verified) VALUES ('m1', 'm@x.org', true), ('m2', 'M@x.org', true)`,
    message: /user_verified_email_unique/,
  },
]

const badNames = [
  'user-id',
  'role',
  'allowed-roles',
  'default-role',
  'Team',
  '',
  '-team',
  'te am',
  'a'.repeat(101),
]

for (const engine of engines) {
  let stores: Stores
  test.before(`${engine}: open`, async () => {
    stores = await openStores(engine)
  })
  test.after.always(`${engine}: close`, () => stores?.close())

  for (const { what, text, message } of refusals) {
    test(`${engine}: the database rejects ${what}`, async (t) => {
      await t.throwsAsync(stores.sql(text), { message })
    })
  }

  test(`${engine}: the database accepts an unverified address of two users`, async (t) => {
    const text = `INSERT INTO "user" (username, email) VALUES ('n1', 'n@x.org'), ('n2', 'N@x.org') RETURNING email_verified`
    t.deepEqual(await stores.sql(text), [{ email_verified: false }, { email_verified: false }])
  })

  test(`${engine}: the database rejects every claim name that a token cannot carry, and accepts the others`, async (t) => {
    const userId = await stores.addUser('claimed')
    const insert = 'INSERT INTO user_claim (user_id, name, value) VALUES ($1, $2, $3)'
    for (const name of badNames) {
      await t.throwsAsync(stores.sql(insert, [userId, name, '1']), { message: /user_claim_name/ }, name)
    }
    for (const name of ['team', 'org-id', '0_x', 'a'.repeat(100)]) {
      await t.notThrowsAsync(stores.sql(insert, [userId, name, '1']), name)
    }
    await t.throwsAsync(stores.sql(insert, [userId, 'team', '2']), { message: /user_claim_pkey/ })
  })

  test(`${engine}: plain inserts need no ids, times or flags`, async (t) => {
    const { sql } = stores
    const [user] = await sql(`INSERT INTO "user" (username) VALUES ('plain') RETURNING *`)
    t.like(user, { password: null, email: null, email_verified: false, active: true, default_role_id: null })
    t.regex(user?.id as string, /^[0-9a-f-]{36}$/)
    for (const name of ['created_at', 'updated_at']) t.true(user?.[name] instanceof Date, name)

    const [role] = await sql(`INSERT INTO role (name) VALUES ('plain') RETURNING id`)
    const insert = 'INSERT INTO user_role (user_id, role_id) VALUES ($1, $2) RETURNING id'
    const [given] = await sql(insert, [user?.id, role?.id])
    t.regex(given?.id as string, /^[0-9a-f-]{36}$/)
    await t.throwsAsync(sql(insert, [user?.id, role?.id]), { message: /user_role_user_id_role_id_key/ })

    const session = `INSERT INTO session (user_id, idle_expires_at, expires_at) VALUES ($1, now(), now()) RETURNING *`
    t.like((await sql(session, [user?.id]))[0], { counter: 0, revoked_at: null, rotated_at: null })
    const identity = `INSERT INTO identity (provider, subject, user_id) VALUES ('p', 's', $1) RETURNING *`
    t.like((await sql(identity, [user?.id]))[0], { email: null, email_verified: false })
  })

  test(`${engine}: updated_at moves with every change of a user, by any writer and with any written value`, async (t) => {
    const { sql } = stores
    const id = await stores.addUser('touched')
    const read = async () =>
      (await sql<{ at: Date }>('SELECT updated_at AS at FROM "user" WHERE id = $1', [id]))[0]?.at as Date
    await sql(`UPDATE "user" SET email = 'old@x.org', updated_at = '2001-01-01' WHERE id = $1`, [id])
    const first = await read()
    t.true(first > new Date('2020-01-01'))
    await sql('SELECT pg_sleep(0.01)::text')
    await stores.users.replaceHash(id, 'hash', 'other', 'all')
    t.true((await read()) > first)
  })

  test(`${engine}: deleting a role keeps its users, without the role`, async (t) => {
    const { sql } = stores
    const [role] = await sql(`INSERT INTO role (name) VALUES ('going') RETURNING id`)
    const id = await stores.addUser('staying')
    await sql('UPDATE "user" SET default_role_id = $2 WHERE id = $1', [id, role?.id])
    await sql('INSERT INTO user_role (user_id, role_id) VALUES ($1, $2)', [id, role?.id])
    await sql('DELETE FROM role WHERE id = $1', [role?.id])
    t.deepEqual(await sql('SELECT default_role_id FROM "user" WHERE id = $1', [id]), [
      { default_role_id: null },
    ])
    t.deepEqual(await sql('SELECT 1 FROM user_role WHERE user_id = $1', [id]), [])
  })
}
