import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { parseConfig } from '../../src/config/config.ts'
import type { KeyFiles } from '../../src/config/keys.ts'
import { ConfigError } from '../../src/errors.ts'
import test from '../_test.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const other = generateKeyPairSync('rsa', { modulusLength: 2048 })

const pkcs1 = rsa.privateKey.export({ format: 'pem', type: 'pkcs1' }).toString()
const pkcs8 = pemOf(rsa.privateKey)
const publicPkcs1 = rsa.publicKey.export({ format: 'pem', type: 'pkcs1' }).toString()
const spki = rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString()
const otherSpki = other.publicKey.export({ format: 'pem', type: 'spki' }).toString()

function pemOf(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString()
}

const escaped = (pem: string) => pem.replaceAll('\n', '\\n')
const base64 = (pem: string) => Buffer.from(pem).toString('base64')
const spellings: [how: string, privatePem: string, publicPem: string][] = [
  ['PKCS#1', pkcs1, publicPkcs1],
  ['PKCS#8 and SPKI', pkcs8, spki],
  ['escaped newlines', escaped(pkcs8), escaped(spki)],
  ['escaped newlines of Windows (CRLF)', pkcs1.replaceAll('\n', '\\r\\n'), spki.replaceAll('\n', '\\r\\n')],
  ['newlines of Windows', pkcs8.replaceAll('\n', '\r\n'), spki.replaceAll('\n', '\r\n')],
  ['no last newline', pkcs1.trim(), spki.trim()],
  ['one line of base64', base64(pkcs8), base64(spki)],
  ['base64 in lines of 76 characters', base64(pkcs1).replace(/.{76}/g, '$&\n'), base64(publicPkcs1)],
  ['white space around', `\n  ${pkcs8}  \n`, ` ${spki}\n\n`],
]
for (const [how, privatePem, publicPem] of spellings) {
  test(`AUTH_PRIVATE_KEY and AUTH_PUBLIC_KEY are read with ${how}, from variables and from files`, (t) => {
    const fromVariables = parseConfig({ AUTH_PRIVATE_KEY: privatePem, AUTH_PUBLIC_KEY: publicPem })
    const fromFiles = parseConfig({}, [], { privatePem, publicPem })
    for (const { keyPair } of [fromVariables, fromFiles]) {
      t.true(keyPair?.privateKey.equals(rsa.privateKey))
      t.true(keyPair?.publicKey.equals(rsa.publicKey))
    }
  })
}

test('a variable has precedence over the file of the same purpose', (t) => {
  const { keyPair } = parseConfig({ AUTH_PRIVATE_KEY: pkcs8 }, [], { privatePem: pemOf(other.privateKey) })
  t.true(keyPair?.privateKey.equals(rsa.privateKey))
})

test('AUTH_KEY_ID is the key id; its default is the RFC 7638 thumbprint', async (t) => {
  t.is(parseConfig({ AUTH_PRIVATE_KEY: pkcs8, AUTH_KEY_ID: 'mine' }).keyPair?.kid, 'mine')
  const thumbprint = await calculateJwkThumbprint(rsa.publicKey.export({ format: 'jwk' }) as { kty: string })
  for (const AUTH_PRIVATE_KEY of [pkcs1, pkcs8]) {
    t.is(parseConfig({ AUTH_PRIVATE_KEY }).keyPair?.kid, thumbprint)
  }
})

test('without AUTH_SECRET the secret comes from the private key, the same for every spelling', (t) => {
  const secrets = spellings.map(([, privatePem]) => parseConfig({ AUTH_PRIVATE_KEY: privatePem }).secret)
  t.is(new Set(secrets).size, 1)
  t.true((secrets[0]?.length ?? 0) >= 32)
  t.not(parseConfig({ AUTH_PRIVATE_KEY: pemOf(other.privateKey) }).secret, secrets[0])
})

test("the seed's variables alone are enough for replicas on one database server", (t) => {
  const env = {
    DATABASE_URL: 'postgres://db/x',
    AUTH_PRIVATE_KEY: pkcs1,
    AUTH_PUBLIC_KEY: spki,
    AUTH_KEY_ID: '1',
  }
  t.is(typeof parseConfig(env).secret, 'string')
  const AUTH_SECRET = 'a secret of thirty-two bytes, or more'
  t.is(parseConfig({ ...env, AUTH_SECRET }).secret, AUTH_SECRET)
})

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 })
const short = generateKeyPairSync('rsa', { modulusLength: 1024 })
const encrypted = rsa.privateKey
  .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' })
  .toString()

const privateName = 'AUTH_PRIVATE_KEY (or private.pem)'
const publicName = 'AUTH_PUBLIC_KEY (or public.pem)'
const refused: [
  what: string,
  privatePem: string | undefined,
  publicPem: string | undefined,
  named: string,
][] = [
  ['a private key on a curve', pemOf(ec.privateKey), undefined, privateName],
  ['a private key for PSS only', pemOf(pss.privateKey), undefined, privateName],
  ['a private key of 1024 bits', pemOf(short.privateKey), undefined, privateName],
  ['a private key with a passphrase', encrypted, undefined, privateName],
  ['a public key in place of the private one', spki, undefined, privateName],
  ['text that is not PEM', 'AUTH', undefined, privateName],
  [
    'a public key on a curve',
    pkcs8,
    ec.publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    publicName,
  ],
  ['a public key of another pair', pkcs8, otherSpki, publicName],
  ['a public key without its private one', undefined, spki, publicName],
]
for (const [what, privatePem, publicPem, named] of refused) {
  test(`${what} is rejected, from variables and from files, and the message omits it`, (t) => {
    const variables = {
      ...(privatePem && { AUTH_PRIVATE_KEY: privatePem }),
      ...(publicPem && { AUTH_PUBLIC_KEY: publicPem }),
    }
    const files: KeyFiles = { privatePem, publicPem }
    for (const run of [() => parseConfig(variables), () => parseConfig({}, [], files)]) {
      const error = t.throws(run, { instanceOf: ConfigError })
      t.is(error?.problems.length, 1)
      t.true(error?.problems[0]?.startsWith(named))
      t.notRegex(error?.message ?? '', /BEGIN|MII/)
    }
  })
}

test('AUTH_PREVIOUS_PUBLIC_KEYS may repeat the signing key, but not have another key with its key id', (t) => {
  const env = { AUTH_PRIVATE_KEY: pkcs8, AUTH_KEY_ID: 'main' }
  const problemsOf = (previous: string) => {
    const run = () => parseConfig({ ...env, AUTH_PREVIOUS_PUBLIC_KEYS: previous })
    return t.throws(run, { instanceOf: ConfigError })?.problems
  }
  t.is(parseConfig({ ...env, AUTH_PREVIOUS_PUBLIC_KEYS: `main=${spki}` }).previousKeys.length, 1)
  t.is(parseConfig({ ...env, AUTH_PREVIOUS_PUBLIC_KEYS: `old=${otherSpki}` }).previousKeys.length, 1)
  t.deepEqual(problemsOf(`main=${otherSpki}`), [
    'AUTH_PREVIOUS_PUBLIC_KEYS has another key with the key id of AUTH_PRIVATE_KEY; set AUTH_KEY_ID to a new key id',
  ])
  t.deepEqual(problemsOf(`old=${otherSpki}old=${spki}`), [
    'AUTH_PREVIOUS_PUBLIC_KEYS has two different keys with the same key id; give each its own key id',
  ])
})

test('public.pem belongs to private.pem: it is ignored when AUTH_PRIVATE_KEY is set', (t) => {
  const { keyPair } = parseConfig({ AUTH_PRIVATE_KEY: pkcs8 }, [], { publicPem: otherSpki })
  t.true(keyPair?.publicKey.equals(rsa.publicKey))
  const both: KeyFiles = { privatePem: pemOf(other.privateKey), publicPem: otherSpki }
  t.true(parseConfig({ AUTH_PRIVATE_KEY: pkcs8 }, [], both).keyPair?.publicKey.equals(rsa.publicKey))
  t.throws(() => parseConfig({}, [], { privatePem: pkcs8, publicPem: otherSpki }), {
    instanceOf: ConfigError,
  })
})
