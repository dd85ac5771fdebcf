import { hash as argon2Hash } from '@node-rs/argon2'
import bcrypt from 'bcrypt'
import { enginesOfRun, startApp, type TestApp } from '../_app.ts'
import test from '../_test.ts'
import { refused } from './_sign-in.ts'

const password = 'correct horse'

async function hashOf(app: TestApp, username: string): Promise<string> {
  const [row] = await app.sql<{ password: string }>('SELECT password FROM "user" WHERE username = $1', [
    username,
  ])
  return row?.password ?? ''
}

async function insert(app: TestApp, username: string, hash: string | null, active = true): Promise<void> {
  await app.sql('INSERT INTO "user" (username, password, active) VALUES ($1, $2, $3)', [
    username,
    hash,
    active,
  ])
}

for (const engine of enginesOfRun) {
  let cost5: TestApp
  let argon2: TestApp
  test.serial.before(`${engine}: start`, async () => {
    cost5 = await startApp({ engine, env: { AUTH_BCRYPT_COST: '5' } })
    argon2 = await startApp({ engine, env: { AUTH_PASSWORD_HASH: 'argon2id' } })
  })
  test.after.always(`${engine}: stop`, async () => {
    await cost5?.close()
    await argon2?.close()
  })

  test.serial(
    `${engine}: a hash of cost 4 is replaced by one of cost 5 at the next login, and not before`,
    async (t) => {
      const weak = await bcrypt.hash(password, 4)
      await insert(cost5, 'weak', weak)
      refused(t, await cost5.login('weak', 'wrong'), 401, 'invalid_credentials')
      t.is(await hashOf(cost5, 'weak'), weak)
      t.is((await cost5.login('weak', password)).status, 200)
      const replaced = await hashOf(cost5, 'weak')
      t.regex(replaced, /^\$2b\$05\$/)
      t.is((await cost5.login('weak', password)).status, 200)
      t.is(await hashOf(cost5, 'weak'), replaced)
    },
  )

  test.serial(
    `${engine}: a stronger or another hash stays as it is when the setting is bcrypt`,
    async (t) => {
      const strong = await bcrypt.hash(password, 6)
      const other = await argon2Hash(password, {
        algorithm: 2,
        memoryCost: 8192,
        timeCost: 1,
        parallelism: 1,
      })
      for (const [username, hash] of [
        ['strong', strong],
        ['other', other],
      ] as const) {
        await insert(cost5, username, hash)
        t.is((await cost5.login(username, password)).status, 200)
        t.is(await hashOf(cost5, username), hash)
      }
    },
  )

  for (const name of ['2a', '2b', '2y']) {
    test.serial(`${engine}: a $${name}$ hash is replaced by argon2id at the next login`, async (t) => {
      await insert(argon2, `from ${name}`, (await bcrypt.hash(password, 4)).replace('$2b$', `$${name}$`))
      t.is((await argon2.login(`from ${name}`, password)).status, 200)
      t.regex(await hashOf(argon2, `from ${name}`), /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
      t.is((await argon2.login(`from ${name}`, password)).status, 200)
      refused(t, await argon2.login(`from ${name}`, 'wrong'), 401, 'invalid_credentials')
    })
  }

  test.serial(`${engine}: an argon2id hash with less memory is replaced at the next login`, async (t) => {
    const weak = await argon2Hash(password, { algorithm: 2, memoryCost: 8192, timeCost: 2, parallelism: 1 })
    await insert(argon2, 'little memory', weak)
    t.is((await argon2.login('little memory', password)).status, 200)
    t.regex(await hashOf(argon2, 'little memory'), /m=19456,t=2,p=1/)
  })

  test.serial(
    `${engine}: a bcrypt hash is replaced at the login with a longer password than bcrypt reads, and only the same text fits then`,
    async (t) => {
      for (const [app, kind] of [
        [cost5, 'bcrypt'],
        [argon2, 'argon2id'],
      ] as const) {
        const username = `cut with ${kind}`
        const long = 'я'.repeat(40)
        await insert(app, username, await bcrypt.hash(long, 6))
        const session = (await app.login(username, long)).body
        t.regex(await hashOf(app, username), /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
        for (const other of [`${long.slice(1)}x`, `${long}x`, long.slice(0, 36)])
          refused(t, await app.login(username, other), 401, 'invalid_credentials')
        t.is((await app.login(username, long)).status, 200)
        // The same password: the sessions stay.
        t.is((await app.as(session).get('/user')).status, 200)
      }
    },
  )

  test.serial(
    `${engine}: ten logins at the same time replace a weak hash once, and all of them succeed`,
    async (t) => {
      await insert(cost5, 'busy', await bcrypt.hash(password, 4))
      const answers = await Promise.all(Array.from({ length: 10 }, () => cost5.login('busy', password)))
      t.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
      t.is((await cost5.login('busy', password)).status, 200)
    },
  )

  test.serial(`${engine}: the hash of an inactive user is not replaced`, async (t) => {
    const weak = await bcrypt.hash(password, 4)
    await insert(cost5, 'inactive', weak, false)
    refused(t, await cost5.login('inactive', password), 401, 'invalid_credentials')
    t.is(await hashOf(cost5, 'inactive'), weak)
  })

  test.serial(
    `${engine}: unknown user, wrong password, provider-only and inactive user get one and the same answer`,
    async (t) => {
      await insert(cost5, 'present', await bcrypt.hash(password, 5))
      await insert(cost5, 'gone', await bcrypt.hash(password, 5), false)
      await insert(cost5, 'from a provider', null)
      const answers = new Set<string>()
      for (const [username, tried] of [
        ['nobody', password],
        ['present', 'wrong'],
        ['gone', password],
        ['from a provider', password],
        ['from a provider', 'null'],
      ] as const) {
        const answer = await cost5.login(username, tried)
        refused(t, answer, 401, 'invalid_credentials')
        answers.add(JSON.stringify({ ...(answer.body as object), requestId: null }))
      }
      t.is(answers.size, 1)
    },
  )

  test.serial(
    `${engine}: white space around the username is ignored at a login, around the password never`,
    async (t) => {
      const { id } = await cost5.signup('typed on a phone', password)
      for (const username of [
        'typed on a phone ',
        ' Typed on a phone',
        '\ttyped on a phone\r\n',
        '\u3000typed on a phone\u00a0',
      ])
        t.is((await cost5.login(username, password)).body.id, id, JSON.stringify(username))
      refused(t, await cost5.login('typed  on a phone', password), 401, 'invalid_credentials')
      refused(t, await cost5.login('typed on a phone', `${password} `), 401, 'invalid_credentials')
      refused(t, await cost5.login('  ', password), 401, 'invalid_credentials')
    },
  )

  test.serial(
    `${engine}: a user with white space around the name, made by SQL, still signs in`,
    async (t) => {
      await cost5.signup('twin', 'the password of twin')
      await insert(cost5, ' twin', await bcrypt.hash(password, 5))
      t.is((await cost5.login(' twin', password)).body.username, ' twin')
      t.is((await cost5.login('twin', 'the password of twin')).body.username, 'twin')
      t.is((await cost5.login('twin ', 'the password of twin')).body.username, 'twin')
    },
  )

  test.serial(`${engine}: a password signs in however its letters are composed`, async (t) => {
    for (const [app, kind] of [
      [cost5, 'bcrypt'],
      [argon2, 'argon2id'],
    ] as const) {
      await app.signup(`${kind}-composed`, 'pässwörd'.normalize('NFC'))
      t.is((await app.login(`${kind}-composed`, 'pässwörd'.normalize('NFD'))).status, 200)
      await app.signup(`${kind}-decomposed`, 'pässwörd'.normalize('NFD'))
      t.is((await app.login(`${kind}-decomposed`, 'pässwörd'.normalize('NFC'))).status, 200)
      refused(t, await app.login(`${kind}-composed`, 'password'), 401, 'invalid_credentials')
    }
  })

  test.serial(
    `${engine}: every byte of a password counts, also with bcrypt, and 72 bytes are hashed by it`,
    async (t) => {
      for (const [index, base, format] of [
        [0, 'x'.repeat(71), '$2b$'],
        [1, 'x'.repeat(72), '$argon2id$'],
        [2, 'я'.repeat(37), '$argon2id$'],
        [3, '🐎'.repeat(18), '$argon2id$'],
        [4, 'é'.normalize('NFD').repeat(37), '$argon2id$'],
        [5, '漢'.repeat(1023), '$argon2id$'],
      ] as const) {
        const username = `long ${index}`
        const { token } = await cost5.signup(username, `${base}a`)
        const hash = await hashOf(cost5, username)
        t.true(hash.startsWith(format), hash)
        refused(t, await cost5.login(username, `${base}b`), 401, 'invalid_credentials')
        t.is((await cost5.login(username, `${base}a`)).status, 200)
        t.is(await hashOf(cost5, username), hash)
        const body = { currentPassword: `${base}a`, newPassword: `${base}c` }
        const headers = { Authorization: `Bearer ${token}` }
        t.is((await cost5.call('POST', '/user/password', { body, headers })).status, 204)
        refused(t, await cost5.login(username, `${base}a`), 401, 'invalid_credentials')
        t.is((await cost5.login(username, `${base}c`)).status, 200)
      }
    },
  )

  test.serial(`${engine}: a password of more than 1024 characters is refused`, async (t) => {
    for (const app of [cost5, argon2]) {
      const password = '漢'.repeat(1025)
      const answer = await app.post('/signup', { username: 'longer', password, confirmPassword: password })
      refused(t, answer, 422, 'validation_failed')
      t.deepEqual(answer.body.errors, [
        { field: 'password', rule: 'too_long', limit: 1024, detail: 'has more than 1024 characters' },
        { field: 'confirmPassword', rule: 'too_long', limit: 1024, detail: 'has more than 1024 characters' },
      ])
    }
  })
}
