import { createHashThreads } from '../../src/authentication/hash-threads.ts'
import { createPasswordHashes } from '../../src/authentication/password-hash.ts'
import {
  findExcessiveCost,
  isPasswordHash,
  isUsableHash,
} from '../../src/authentication/password-hash-format.ts'
import test from '../_test.ts'
import { foreignHashes, foreignPassword } from './_foreign-hashes.ts'

const threads = createHashThreads({ size: 2 })
const createHashes = (passwordHash: 'bcrypt' | 'argon2id') =>
  createPasswordHashes({
    passwordHash,
    bcryptCost: 4,
    threads,
    hashQueue: 100,
    hashPerAddress: 100,
    hashWait: 60,
  })
const [withBcrypt, withArgon2] = [createHashes('bcrypt'), createHashes('argon2id')]
const verify = (password: string, hash: string) => withBcrypt.verify(password, hash, '192.0.2.1')

const ownFormats = ['bcrypt of PHP']

for (const [name, hash] of Object.entries(foreignHashes)) {
  test(`${name}: the right password matches, and no other`, async (t) => {
    t.true(isUsableHash(hash))
    t.true(await verify(foreignPassword, hash))
    // The same characters, composed in another way.
    t.true(await verify(foreignPassword.normalize('NFD'), hash))
    for (const other of ['', `${foreignPassword} `, foreignPassword.toLowerCase(), hash])
      t.false(await verify(other, hash))
  })

  test(`${name}: a changed digit of the salt or key matches no password`, async (t) => {
    const start = /[$:]/.test(hash) ? hash.search(/[^$:]+$/) + 1 : hash.length - 40
    // Of PBKDF2 the first block decides. The last digits may have surplus bits.
    for (const at of /PBKDF2|ASP/.test(name) ? [start] : [start, hash.length - 8]) {
      const changed = `${hash.slice(0, at)}${hash[at] === '1' ? '2' : '1'}${hash.slice(at + 1)}`
      t.false(await verify(foreignPassword, changed), changed)
    }
  })

  test(`${name}: replaced at the next login unless it is the gateway's own format`, (t) => {
    t.is(withBcrypt.isWeak(hash, foreignPassword), !ownFormats.includes(name))
    t.true(withArgon2.isWeak(hash, foreignPassword))
  })
}

const from = (name: string, text: string | RegExp, other: string) =>
  (foreignHashes[name] ?? '').replace(text, other)

const costly = {
  'bcrypt cost 31, at most 15': from('bcrypt of Spring Security', '$04$', '$31$'),
  'argon2i m=4194304, at most 131072': from('argon2i', 'm=4096', 'm=4194304'),
  'argon2id t=17, at most 16': from('argon2 of Django', 't=2', 't=17'),
  'argon2id p=200, at most 16': from('argon2 of npm', 'p=1', 'p=200'),
  'PBKDF2 iterations 1000000000, at most 2000000': from('PBKDF2 of Django', '$1000$', '$1000000000$'),
  'PBKDF2 iterations 2000001, at most 2000000': from('PBKDF2 with SHA-1 of Keycloak', '=1000$', '=2000001$'),
  'PBKDF2 iterations 1073741808, at most 2000000': from(
    'ASP.NET Core Identity with SHA-256',
    'AACcQ',
    '////w',
  ),
  'scrypt MiB 1048576, at most 128': from('scrypt of Django', '$16384$', `$${2 ** 30}$`),
  'scrypt N·r·p 6553600, at most 4194304': from('scrypt of Django', '$5$', '$50$'),
  'scrypt MiB 256, at most 128': from('scrypt of Firebase', 'n=14', 'n=18'),
  'phpass rounds 2^30, at most 16': from('phpass of WordPress', '$P$B', '$P$S'),
}
for (const [reason, hash] of Object.entries(costly)) {
  test(`a hash with ${reason}, is not verified`, async (t) => {
    t.true(isPasswordHash(hash))
    t.is(findExcessiveCost(hash), reason)
    t.false(isUsableHash(hash))
    t.false(await verify(foreignPassword, hash))
  })
}

test('hashes with the costs of other programs are within the bounds', (t) => {
  for (const hash of [
    from('PBKDF2 of Django', '$1000$', '$1500000$'),
    from('PBKDF2 with SHA-1 of Keycloak', '=1000$', '=1300000$'),
    from('argon2 of Django', 'm=4096', 'm=102400'),
    from('scrypt of Django', '$16384$', '$65536$'),
    from('phpass of WordPress', '$P$B', '$P$E'),
    from('bcrypt of WordPress', '$04$', '$12$'),
  ])
    t.true(isUsableHash(hash), hash)
})

const unknown = {
  'bcrypt of the version with a fault ($2x$)': from('bcrypt of PHP', '$2y$', '$2x$'),
  'an unknown prefix': from('bcrypt of Spring Security', '{bcrypt}', '{noop}'),
  'a prefix alone': '{bcrypt}',
  'a password after a prefix': `{bcrypt}${foreignPassword}`,
  'bcrypt_sha256 of passlib':
    '$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2',
  'argon2 without passes': from('argon2 of npm', ',t=2', ''),
  'argon2 with passes twice': from('argon2 of npm', 't=2', 't=2,t=2'),
  'argon2 with an unknown parameter': from('argon2 of npm', 't=2', 't=2,x=2'),
  'argon2 of an unknown version': from('argon2 of npm', 'v=19', 'v=20'),
  'argon2 of an unknown type': from('argon2i', 'argon2i', 'argon2x'),
  'PBKDF2 with MD5': from('PBKDF2 with SHA-512 of Keycloak', 'sha512', 'md5'),
  'PBKDF2 without iterations': from('PBKDF2 of Django', '$1000$', '$0$'),
  'PBKDF2 with a key of 8 bytes': from('PBKDF2 of Django', /[^$]+$/, 'AAAAAAAAAAA='),
  'ASP.NET with an unknown function': from('ASP.NET Core Identity with SHA-256', 'AQAAAAE', 'AQAAAAk'),
  'ASP.NET with more salt than bytes': from('ASP.NET Core Identity with SHA-256', 'AAAAEC', 'AAAP8C'),
  'ASP.NET 2 without its last byte': from('ASP.NET Identity 2', 'cg==', ''),
  'Firebase without signer key': from('scrypt of Firebase', /,sk=[^$]+/, ''),
  'better-auth with a short key': from('scrypt of better-auth', /.{2}$/, ''),
  'phpass of too few rounds': from('phpass of WordPress', '$P$B', '$P$1'),
  'MD5 as older WordPress has it': '5f4dcc3b5aa765d61d8327deb882cf99',
  'more than 255 characters': from('scrypt of Django', '$8$', `${'a'.repeat(120)}$8$`),
}
for (const [name, hash] of Object.entries(unknown)) {
  test(`${name} is no hash that the gateway knows`, async (t) => {
    t.false(isPasswordHash(hash), hash)
    t.false(await verify(foreignPassword, hash))
  })
}

test('better-auth normalizes more than NFC, and so does the verification of its hashes', async (t) => {
  t.true(await verify('Blauer Käfer ４２', foreignHashes['scrypt of better-auth'] ?? ''))
})

test('a hash of parameters that the algorithm does not take matches no password', async (t) => {
  // 1000 is no power of two; r=1 takes less than 2^16; argon2 needs 8 KiB for each lane.
  for (const hash of [
    from('scrypt of Django', '$16384$', '$1000$'),
    from('scrypt of Django', '$16384$', '$65536$').replace('$8$5$', '$1$1$'),
    from('argon2 of npm', 'm=4096', 'm=7'),
  ])
    t.false(await verify(foreignPassword, hash))
})
