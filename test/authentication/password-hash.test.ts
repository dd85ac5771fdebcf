import { hash as argon2Hash } from '@node-rs/argon2'
import bcrypt from 'bcrypt'
import { createHashThreads } from '../../src/authentication/hash-threads.ts'
import { createPasswordHashes, type PasswordHashSettings } from '../../src/authentication/password-hash.ts'
import test from '../_test.ts'

const room = {
  threads: createHashThreads({ size: 2 }),
  concurrency: 2,
  hashQueue: 100,
  hashPerAddress: 100,
  hashWait: 60,
}
const withBcrypt = createHashes({ passwordHash: 'bcrypt', bcryptCost: 5, ...room })
const withArgon2 = createHashes({ passwordHash: 'argon2id', bcryptCost: 5, ...room })
const kinds = { bcrypt: withBcrypt, argon2id: withArgon2 }
const password = 'correct horse é 🐎'

/** Creates the hashing for one client. */
function createHashes(settings: PasswordHashSettings) {
  const { hash, verify, ...others } = createPasswordHashes(settings)
  return {
    ...others,
    hash: (password: string) => hash(password, '192.0.2.1'),
    verify: (password: string, stored: string | null) => verify(password, stored, '192.0.2.1'),
  }
}

/** Returns the same bcrypt hash with another prefix of the same algorithm. */
async function bcryptHash(name: '2a' | '2b' | '2y', text = password, cost = 4): Promise<string> {
  return (await bcrypt.hash(text.normalize('NFC'), cost)).replace(/^\$2b\$/, `$${name}$`)
}

for (const [kind, hashes] of Object.entries(kinds)) {
  for (const name of ['2a', '2b', '2y'] as const) {
    test(`a $${name}$ hash is verified when new hashes are ${kind}`, async (t) => {
      const hash = await bcryptHash(name)
      t.true(await hashes.verify(password, hash))
      t.false(await hashes.verify(`${password} `, hash))
      t.false(await hashes.verify('', hash))
    })

    test(`a $${name}$ hash of a password that is longer than 255 bytes is verified when new hashes are ${kind}`, async (t) => {
      const long = Array.from({ length: 300 }, (_, index) => String.fromCharCode(33 + (index % 90))).join('')
      t.true(await hashes.verify(long, await bcryptHash(name, long)))
    })
  }

  test(`an argon2id hash is verified when new hashes are ${kind}`, async (t) => {
    for (const memoryCost of [8192, 19_456, 65_536]) {
      const hash = await argon2Hash(password.normalize('NFC'), {
        algorithm: 2,
        memoryCost,
        timeCost: 2,
        parallelism: 1,
      })
      t.true(await hashes.verify(password, hash))
      t.false(await hashes.verify(`${password} `, hash))
    }
  })

  test(`what ${kind} makes is salted, verifies, and is not weak`, async (t) => {
    const [one, other] = await Promise.all([hashes.hash(password), hashes.hash(password)])
    t.not(one, other)
    for (const hash of [one, other]) {
      t.true(await hashes.verify(password, hash))
      t.false(hashes.isWeak(hash, password))
    }
  })

  test(`no password matches what is not a hash when new hashes are ${kind}`, async (t) => {
    for (const hash of [
      null,
      '',
      password,
      '$2b$',
      '$2b$04$short',
      '$argon2id$',
      '$argon2id$v=19$m=8,t=1,p=1$x$y',
      // A text with the length of a hash, and with surplus bits.
      `$argon2id$v=19$m=19456,t=2,p=1$${'b'.repeat(22)}$${'b'.repeat(43)}`,
      '*',
    ]) {
      t.false(await hashes.verify(password, hash))
      t.false(await hashes.verify('', hash))
      t.false(await hashes.verify(hash ?? 'null', hash))
    }
  })

  test(`a password is the same however its letters are composed when new hashes are ${kind}`, async (t) => {
    const composed = 'Ångström é'.normalize('NFC')
    const decomposed = composed.normalize('NFD')
    t.not(composed, decomposed)
    t.true(await hashes.verify(decomposed, await hashes.hash(composed)))
    t.true(await hashes.verify(composed, await hashes.hash(decomposed)))
    t.false(await hashes.verify('Angstrom e', await hashes.hash(composed)))
  })

  test(`a hash that others made of a password as it was typed is verified when it is typed so again and new hashes are ${kind}`, async (t) => {
    const typed = 'Ångström é'.normalize('NFD')
    for (const hash of [await bcrypt.hash(typed, 4), await argon2Hash(typed)]) {
      t.true(await hashes.verify(typed, hash))
      t.false(await hashes.verify(typed.normalize('NFC'), hash))
      t.false(await hashes.verify(`${typed} `, hash))
    }
  })

  test(`capitals, spaces and compatibility forms make another password when new hashes are ${kind}`, async (t) => {
    const hash = await hashes.hash('ﬁsh and chips')
    for (const other of ['fish and chips', 'ﬁsh And chips', 'ﬁsh  and chips', ' ﬁsh and chips']) {
      t.false(await hashes.verify(other, hash))
    }
  })
}

test('bcrypt makes hashes of the configured cost', async (t) => {
  t.regex(await withBcrypt.hash(password), /^\$2b\$05\$/)
})

test('argon2id makes hashes of 19 MiB, 2 passes, 1 lane', async (t) => {
  t.regex(await withArgon2.hash(password), /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
})

test('argon2id reads a password to its end', async (t) => {
  const long = 'x'.repeat(200)
  t.false(await withArgon2.verify(`${long}y`, await withArgon2.hash(`${long}z`)))
})

test('an argon2id hash of the version before is verified', async (t) => {
  for (const version of ['', 'v=16$']) {
    const hash = `$argon2id$${version}m=256,t=2,p=1$c29tZXNhbHQ$2gcOV25Q8vOKPIl8vdxsf7QCjocJcf+erntOGHkpXm4`
    t.true(await withBcrypt.verify('password', hash))
    t.false(await withBcrypt.verify('passwort', hash))
  }
})

test('a bcrypt hash is weak when its cost is lower than the setting, or the setting is argon2id', (t) => {
  const salted = 'N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'
  for (const name of ['2a', '2b', '2y']) {
    t.true(withBcrypt.isWeak(`$${name}$04$${salted}`, password))
    t.false(withBcrypt.isWeak(`$${name}$05$${salted}`, password))
    t.false(withBcrypt.isWeak(`$${name}$12$${salted}`, password))
    t.true(withArgon2.isWeak(`$${name}$12$${salted}`, password))
  }
})

test('an argon2id hash is weak when its memory or its passes are fewer, and with bcrypt only for a longer password than bcrypt reads', (t) => {
  const rest = '$c29tZXNhbHQxMjM0NTY$aGFzaGhhc2hoYXNoaGFzaA'
  t.true(withArgon2.isWeak(`$argon2id$v=19$m=19455,t=2,p=1${rest}`, password))
  t.true(withArgon2.isWeak(`$argon2id$v=19$m=65536,t=1,p=1${rest}`, password))
  t.false(withArgon2.isWeak(`$argon2id$v=19$m=19456,t=2,p=1${rest}`, password))
  t.false(withArgon2.isWeak(`$argon2id$v=19$m=65536,t=3,p=4${rest}`, password))
  t.false(withBcrypt.isWeak(`$argon2id$v=19$m=8,t=1,p=1${rest}`, password))
  t.true(withBcrypt.isWeak(`$argon2id$v=19$m=8,t=1,p=1${rest}`, password.repeat(4)))
})
