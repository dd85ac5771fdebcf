import { GatewayError } from '../../src/errors.ts'
import type { SigningKeyStore, StoredKey } from '../../src/stores/signing-keys.ts'
import { sealKey } from '../../src/tokens/encrypted-key.ts'
import type { KeyPair } from '../../src/tokens/key-pair.ts'
import {
  createKeyring,
  createSigningKeys,
  generateSigningKey,
  type SigningKeySettings,
} from '../../src/tokens/keyring.ts'
import { deriveKey } from '../../src/tokens/secrets.ts'
import { readJwks } from '../_hasura.ts'
import test from '../_test.ts'
import { createFakeStore } from './_key-store.ts'

const key = deriveKey('a secret', 'key-encryption')
const otherKey = deriveKey('another secret', 'key-encryption')
const now = new Date()

let pair: KeyPair
test.before('make a key', async () => {
  pair = await generateSigningKey(2048)
})

/** Returns the keys of a deployment, after a first update from the store. */
async function loadKeyring(settings: SigningKeySettings, at: Date) {
  const keyring = createKeyring(settings)
  await keyring.update(at)
  return keyring
}

const policy = { rotation: 0, jwksMaxAge: 300, accessTokenLifetime: 900 }

/** Loads the keys of a store; a new key is `pair`. */
function load(store: SigningKeyStore, encryptionKey: Uint8Array, generate = async () => pair) {
  const settings = { store, policy, environmentKey: null, previousKeys: [], generate }
  return loadKeyring({ ...settings, encryptionKeys: [encryptionKey] }, now)
}

async function sealed(): Promise<StoredKey> {
  const store = createFakeStore()
  await load(store, key)
  return store.keys[0] as StoredKey
}

function open(stored: StoredKey, encryptionKey: Uint8Array = key) {
  const store = createFakeStore()
  store.keys.push(stored)
  return load(store, encryptionKey, () => Promise.reject(new Error('made twice')))
}

test('a stored key is read back unchanged, and is generated only once', async (t) => {
  const keys = await open(await sealed())
  t.is(keys.active.kid, pair.kid)
  t.true(keys.active.privateKey.equals(pair.privateKey))
  t.true(keys.find(pair.kid)?.equals(pair.publicKey))
  t.is(keys.find('other'), undefined)
  t.is(keys.find('__proto__'), undefined)
  t.deepEqual([...readJwks(keys.jwks).keys()], [pair.kid])
})

test('for an unknown kid the keys of other processes are read once a second, for all callers together', async (t) => {
  const store = createFakeStore()
  let reads = 0
  const list = () => {
    reads++
    return store.list()
  }
  const keys = await load({ ...store, list }, key)
  const at = (seconds: number) => new Date(now.getTime() + seconds * 1000)
  const seekMany = (seconds: number) =>
    Promise.all(Array.from({ length: 100 }, (_, each) => keys.seek(`unknown ${each}`, at(seconds))))
  const readsOf = async (work: () => Promise<unknown>) => {
    const before = reads
    await work()
    return reads - before
  }
  t.is(await readsOf(() => keys.seek(pair.kid, at(0))), 0)
  t.is(await readsOf(() => seekMany(0)), 1)
  t.is(await readsOf(() => seekMany(0.999)), 0)
  const other = await generateSigningKey(2048)
  await store.add(sealKey(other, key), 'next', 900, now)
  t.is(await keys.seek(other.kid, at(0.999)), undefined)
  const found = await Promise.all([keys.seek(other.kid, at(1)), keys.seek(other.kid, at(1))])
  for (const each of found) t.true(each?.equals(other.publicKey))
  t.true([...readJwks(keys.jwks).keys()].includes(other.kid))
  t.is(await readsOf(() => seekMany(-3_600)), 1)
})

test('a database that is away while an unknown kid is sought rejects no token as invalid', async (t) => {
  const store = createFakeStore()
  const away = new GatewayError('database_unavailable')
  let isAway = false
  const keys = await load({ ...store, list: () => (isAway ? Promise.reject(away) : store.list()) }, key)
  isAway = true
  await t.throwsAsync(keys.seek('unknown', now), { is: away })
  await t.throwsAsync(keys.seek('unknown', now), { is: away })
  t.true((await keys.seek(pair.kid, now))?.equals(pair.publicKey))
})

test('no part of the private key is readable in the stored bytes, which differ each time', async (t) => {
  const [one, other] = await Promise.all([sealed(), sealed()])
  const der = pair.privateKey.export({ format: 'der', type: 'pkcs8' })
  const bytes = Buffer.from(one.privateKey)
  for (let at = 0; at + 16 <= der.length; at++) {
    if (bytes.includes(der.subarray(at, at + 16))) t.fail(`byte ${at} of the key`)
  }
  t.false(bytes.equals(other.privateKey))
  t.deepEqual(Object.keys(one.publicJwk).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use'])
})

const message =
  /^The signing key .* was encrypted with another AUTH_SECRET\. Restore the earlier AUTH_SECRET, or set AUTH_PREVIOUS_SECRET/

test('another AUTH_SECRET gives an error that names it', async (t) => {
  await t.throwsAsync(open(await sealed(), otherKey), { message })
})

test('a stored key is decrypted under its own kid only', async (t) => {
  await t.throwsAsync(open({ ...(await sealed()), kid: 'another' }), { message })
})

test('a stored key that was changed at any byte, or cut, is not decrypted', async (t) => {
  const good = await sealed()
  const { length } = good.privateKey
  for (const at of [0, 11, 12, 27, 28, 100, length - 1]) {
    const privateKey = new Uint8Array(good.privateKey)
    privateKey[at] = (privateKey[at] ?? 0) ^ 1
    await t.throwsAsync(open({ ...good, privateKey }), { message }, `byte ${at}`)
  }
  for (const end of [0, 5, 12, 20, 28, length - 1]) {
    const privateKey = good.privateKey.slice(0, end)
    await t.throwsAsync(open({ ...good, privateKey }), { message }, `${end} bytes`)
  }
})

test('with a key of the environment, that key is the only key', (t) => {
  const keys = createSigningKeys(pair)
  t.is(keys.active, pair)
  t.true(readJwks(keys.jwks).get(pair.kid)?.publicKey.equals(pair.publicKey))
})

test('of two keys with one kid, the signing key is published', async (t) => {
  const { publicKey } = await generateSigningKey(2048)
  const keys = createSigningKeys(pair, [
    { kid: pair.kid, publicKey },
    { kid: 'old', publicKey },
  ])
  t.true(keys.find(pair.kid)?.equals(pair.publicKey))
  t.deepEqual([...readJwks(keys.jwks).keys()], [pair.kid, 'old'])
  t.true(readJwks(keys.jwks).get(pair.kid)?.publicKey.equals(pair.publicKey))
})

test('a stored key with the kid of a different key of the environment gives an error that names the kid', async (t) => {
  const store = createFakeStore()
  await load(store, key)
  const other = await generateSigningKey(2048)
  const settings = { store, policy, generate: async () => pair, encryptionKeys: [key] as [Uint8Array] }
  const namesake = { ...other, kid: pair.kid }
  const message = /^The kid .* belongs to different keys in the database and in AUTH_PRIVATE_KEY/
  await t.throwsAsync(loadKeyring({ ...settings, environmentKey: namesake, previousKeys: [] }, now), {
    message,
  })
  await t.throwsAsync(loadKeyring({ ...settings, environmentKey: null, previousKeys: [namesake] }, now), {
    message,
  })
  const same = await loadKeyring({ ...settings, environmentKey: pair, previousKeys: [pair] }, now)
  t.is(readJwks(same.jwks).size, 1)
})

test('a key of 3072 bits has that many', async (t) => {
  const { privateKey } = await generateSigningKey(3072)
  t.is(privateKey.asymmetricKeyDetails?.modulusLength, 3072)
})

test('a start with another AUTH_SECRET writes no key, also when a rotation is due', async (t) => {
  const store = createFakeStore()
  await load(store, key)
  const before = structuredClone(store.keys)
  const settings = { store, policy: { ...policy, rotation: 86_400 }, environmentKey: null, previousKeys: [] }
  const late = new Date(now.getTime() + 90 * 86_400_000)
  const generate = () => Promise.reject(new Error('made'))
  await t.throwsAsync(loadKeyring({ ...settings, generate, encryptionKeys: [otherKey] }, late), { message })
  t.deepEqual(store.keys, before)
})

test('with a key of the environment, the keys of the database are encrypted again as well', async (t) => {
  const store = createFakeStore()
  await load(store, key)
  const resealed: string[] = []
  store.reseal = async (kid) => void resealed.push(kid)
  const environmentKey = await generateSigningKey(2048)
  const settings = { store, policy, environmentKey, previousKeys: [], generate: async () => pair }
  await loadKeyring({ ...settings, encryptionKeys: [otherKey, key] }, now)
  t.deepEqual(resealed, [pair.kid])
})

test('before a gateway signs longer tokens, the stored token lifetime of the key is raised', async (t) => {
  const store = createFakeStore()
  await load(store, key)
  t.is(store.keys[0]?.tokenLifetime, 900)
  const settings = { store, environmentKey: null, previousKeys: [], generate: async () => pair }
  const longer = { ...policy, accessTokenLifetime: 7200 }
  await loadKeyring({ ...settings, policy: longer, encryptionKeys: [key] }, now)
  t.is(store.keys[0]?.tokenLifetime, 7200)
  await load(store, key)
  t.is(store.keys[0]?.tokenLifetime, 7200)
})
