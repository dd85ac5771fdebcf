import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readKids, signUp } from '../_client.ts'
import { readToken } from '../_hasura.ts'
import { type GatewayProcess, runProcess, startProcess } from '../_process.ts'
import test from '../_test.ts'
import { createFolder } from '../database/_databases.ts'

const [pair, other] = [1, 2].map(() => generateKeyPairSync('rsa', { modulusLength: 2048 })) as [Pair, Pair]
const pkcs1 = pemOf(pair.privateKey, 'pkcs1')
const pkcs8 = pemOf(pair.privateKey, 'pkcs8')
const spki = pemOf(pair.publicKey, 'spki')
const escaped = (pem: string) => pem.replaceAll('\n', '\\n')

test.serial(
  "the seed's AUTH_PRIVATE_KEY, AUTH_PUBLIC_KEY and AUTH_KEY_ID set key and kid, with escaped newlines",
  async (t) => {
    const folder = await createFolder(t)
    const gateway = await startProcess(
      { AUTH_PRIVATE_KEY: escaped(pkcs1), AUTH_PUBLIC_KEY: escaped(spki), AUTH_KEY_ID: 'key-2019' },
      folder,
    )
    t.teardown(() => gateway.stop('SIGKILL'))
    t.deepEqual(await readKids(gateway.url), ['key-2019'])
    t.is(await readSignature(gateway, pair.publicKey), 'key-2019')
    t.false((await readdir(join(folder, 'data'))).includes('secret'))
    t.false(gateway.output().includes(pkcs8.split('\n')[1] as string))
  },
)

test.serial(
  'private.pem and public.pem in the working directory are the key, with its thumbprint as kid',
  async (t) => {
    const folder = await createFolder(t)
    await writeFile(join(folder, 'private.pem'), pkcs8)
    await writeFile(join(folder, 'public.pem'), spki)
    const gateway = await startProcess({}, folder)
    t.teardown(() => gateway.stop('SIGKILL'))
    t.deepEqual(await readKids(gateway.url), [thumbprintOf(pair.publicKey)])
    t.is(await readSignature(gateway, pair.publicKey), thumbprintOf(pair.publicKey))
  },
)

test.serial('AUTH_PRIVATE_KEY wins over private.pem', async (t) => {
  const folder = await createFolder(t)
  await writeFile(join(folder, 'private.pem'), pemOf(other.privateKey, 'pkcs8'))
  const gateway = await startProcess({ AUTH_PRIVATE_KEY: pkcs8 }, folder)
  t.teardown(() => gateway.stop('SIGKILL'))
  t.deepEqual(await readKids(gateway.url), [thumbprintOf(pair.publicKey)])
})

test.serial('a public.pem of another key is rejected with 78, and no file is created', async (t) => {
  const folder = await createFolder(t)
  await writeFile(join(folder, 'private.pem'), pkcs8)
  await writeFile(join(folder, 'public.pem'), pemOf(other.publicKey, 'spki'))
  const { code, stderr } = await runProcess({}, folder)
  t.is(code, 78)
  t.regex(stderr, /^ {2}AUTH_PUBLIC_KEY \(or public\.pem\) does not belong to AUTH_PRIVATE_KEY$/m)
  t.deepEqual((await readdir(folder)).sort(), ['private.pem', 'public.pem'])
})

type Pair = { privateKey: KeyObject; publicKey: KeyObject }

function pemOf(key: KeyObject, type: 'pkcs1' | 'pkcs8' | 'spki'): string {
  return key.export({ format: 'pem', type } as { format: 'pem'; type: 'pkcs1' }).toString()
}

function thumbprintOf(publicKey: KeyObject): string {
  const { e, n } = publicKey.export({ format: 'jwk' })
  return createHash('sha256')
    .update(JSON.stringify({ e, kty: 'RSA', n }))
    .digest('base64url')
}

/** Creates a user and returns the kid of a token that this public key verifies. */
async function readSignature({ url }: GatewayProcess, publicKey: KeyObject): Promise<unknown> {
  const { body } = await signUp(url, 'anna')
  const [kid = ''] = await readKids(url)
  const now = Math.floor(Date.now() / 1000)
  const options = { now, issuer: 'http://localhost:0', audience: 'hasura' }
  return readToken(body.token, new Map([[kid, { publicKey }]]), options).header.kid
}
