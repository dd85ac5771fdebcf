import { createHmac, generateKeyPairSync } from 'node:crypto'
import { readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deriveKey, loadOrCreateSecret, secretFromPrivateKey } from '../../src/tokens/secrets.ts'
import { makeDirectory } from '../_directory.ts'
import test, { type ExecutionContext } from '../_test.ts'

async function emptyDirectory(t: ExecutionContext): Promise<string> {
  const directory = await makeDirectory('claimgate-secret')
  t.teardown(() => rm(directory, { recursive: true }))
  return directory
}

test('a secret is created once, with mode 0600, and stays the same', async (t) => {
  const directory = await emptyDirectory(t)
  const secret = await loadOrCreateSecret(directory)
  t.is(Buffer.from(secret, 'base64url').length, 48)
  t.is((await stat(join(directory, 'secret'))).mode & 0o777, 0o600)
  t.is(await loadOrCreateSecret(directory), secret)
  t.deepEqual(await readdir(directory), ['secret'])
  t.not(await loadOrCreateSecret(await emptyDirectory(t)), secret)
})

test('a start that is killed while it creates the secret leaves no file that the next start accepts', async (t) => {
  const directory = await emptyDirectory(t)
  await writeFile(join(directory, 'secret.new'), 'half', { mode: 0o644 })
  const secret = await loadOrCreateSecret(directory)
  t.is(Buffer.from(secret, 'base64url').length, 48)
  t.is((await stat(join(directory, 'secret'))).mode & 0o777, 0o600)
  t.deepEqual(await readdir(directory), ['secret'])
})

test('a directory that cannot be written is an error, not an unstored secret', async (t) => {
  const directory = join(await emptyDirectory(t), 'missing')
  await t.throwsAsync(loadOrCreateSecret(directory), { code: 'ENOENT' })
})

test('a secret file that is empty or short is an error, not a secret', async (t) => {
  for (const content of ['', '\n', 'short\n']) {
    const directory = await emptyDirectory(t)
    await writeFile(join(directory, 'secret'), content)
    await t.throwsAsync(loadOrCreateSecret(directory), { message: /secret/ })
  }
})

test('a key for one purpose is the HKDF-SHA256 of the secret under the label of that purpose', (t) => {
  const secret = 'a secret that is only good for tests 0123456789'
  const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest()
  for (const label of ['cookie', 'refresh-token', 'key-encryption'] as const) {
    // RFC 5869, section 2: extract, then the first block of expand.
    t.deepEqual(deriveKey(secret, label), hmac(hmac('claimgate', secret), `${label}\u0001`))
  }
})

test('the secret of a private key is a hash without parts of the key, and differs for another key', (t) => {
  const one = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  t.is(Buffer.from(secretFromPrivateKey(one), 'base64url').length, 32)
  t.is(secretFromPrivateKey(one), secretFromPrivateKey(one))
  t.not(secretFromPrivateKey(one), secretFromPrivateKey(other))
})
