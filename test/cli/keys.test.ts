import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createKeyPair } from '../../src/tokens/key-pair.ts'
import test from '../_test.ts'
import { createDeployment, type TestDeployment, thorough } from './_command.ts'

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const { kid } = createKeyPair(privateKey)
const pkcs1 = privateKey.export({ format: 'pem', type: 'pkcs1' }).toString()

let d: TestDeployment
test.beforeEach(async () => {
  d = await createDeployment(thorough)
})
test.afterEach.always(() => d?.close())

test.serial('keys rotate publishes one next key, and says when it will sign', async (t) => {
  t.is((await d.run('keys list')).stdout, 'No keys yet: the gateway creates the first key when it starts.\n')
  const first = await d.json('keys rotate')
  t.like(first, { state: 'active', isNew: true })
  const { kid: nextKid, signsAt, ...next } = await d.json('keys rotate')
  t.like(next, { state: 'next', isNew: true })
  const seconds = (Date.parse(signsAt) - Date.now()) / 1000
  t.true(seconds > 500 && seconds <= 600, `${seconds}`)
  t.deepEqual(await d.json('keys rotate'), { kid: nextKid, state: 'next', isNew: false, signsAt })
  const { stdout } = await d.run('keys rotate')
  t.is(stdout, `The key ${nextKid} is published already. A gateway signs with it from ${utc(signsAt)}.\n`)

  const listed = await d.run('keys list')
  t.regex(listed.stdout, /^KID +FROM +STATE +SIGNS +BITS +CREATED +NEXT\n/)
  t.true(listed.stdout.includes(`signs from ${utc(signsAt)}`))
  t.like(await d.failure(`keys retire ${first.kid}`), { code: 'active_key', exit: 1 })

  const now = await d.run('keys rotate --now')
  t.regex(
    now.stderr,
    /^Warning: Hasura rejects tokens of the new key until it reads \/jwks again, for up to 300 seconds/,
  )
  const retired = await d.json(`keys retire ${first.kid}`)
  t.like(retired, { was: 'retiring' })
  t.regex(retired.warning, /no longer valid/)
  t.deepEqual(
    (await d.json('keys list')).keys.map((key: { kid: string }) => key.kid),
    [nextKid],
  )
})

test.serial('keys import stores a PEM file as the next key', async (t) => {
  await d.json('keys rotate')
  const file = join(d.cwd, 'old.pem')
  await writeFile(file, pkcs1)
  const imported = await d.json('keys import old.pem', { asProcess: true })
  t.like(imported, { kid, state: 'next', isNew: true })
  t.like(await d.failure(`keys import ${file}`), { code: 'key_exists', exit: 73 })
  t.like(await d.failure(`keys import ${file} --kid other`), { code: 'next_key_exists', exit: 1 })
  await d.json(`keys retire ${kid}`)
  t.is((await d.json(`keys import ${file} --kid 2025-06`)).kid, '2025-06')
  const [row] = await d.sql<{ private: string }>(
    `SELECT encode(private_key, 'base64') AS private FROM signing_key WHERE kid = '2025-06'`,
  )
  const der = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64')
  t.false(row?.private.replaceAll('\n', '').includes(der.slice(100, 140)))
})

test.serial('keys are not changed under another AUTH_SECRET, which no gateway could open', async (t) => {
  await d.json('keys rotate')
  const before = await d.dump()
  const env = { AUTH_SECRET: 'another secret, also good for tests only 01234' }
  const file = join(d.cwd, 'old.pem')
  await writeFile(file, pkcs1)
  for (const command of ['keys rotate', 'keys rotate --now', `keys import ${file}`])
    t.like(await d.failure(command, { env }), { code: 'other_secret', exit: 1 })
  t.is(await d.dump(), before)
  const previous = { ...env, AUTH_PREVIOUS_SECRET: d.env.AUTH_SECRET as string }
  t.like(await d.json('keys rotate', { env: previous }), { state: 'next' })
})

test.serial('with AUTH_PRIVATE_KEY a next key waits, and nothing takes its place at once', async (t) => {
  const env = {
    AUTH_PRIVATE_KEY: pkcs1,
    AUTH_PREVIOUS_PUBLIC_KEYS: `older=${publicKey.export({ format: 'pem', type: 'spki' })}`,
  }
  t.like(await d.failure('keys rotate --now', { env }), { code: 'environment_key', exit: 1 })
  const next = await d.json('keys rotate', { env })
  t.like(next, { state: 'next', signsAt: null })
  for (const given of [kid, 'older'])
    t.like(await d.failure(`keys retire ${given}`, { env }), { code: 'environment_key', exit: 1 })
  const { keys } = await d.json('keys list', { env })
  t.deepEqual(
    keys.map((key: Record<string, unknown>) => [key.kid, key.source, key.state, key.signs]),
    [
      [kid, 'environment', 'active', true],
      [next.kid, 'database', 'next', false],
      ['older', 'environment', 'previous', false],
    ],
  )
  await d.json(`keys retire ${next.kid}`, { env })
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const input = other.export({ format: 'pem', type: 'pkcs8' }).toString()
  t.like(await d.failure('keys import - --kid older', { env, input }), { code: 'key_exists', exit: 73 })
})

function utc(time: string): string {
  return `${time.slice(0, 19).replace('T', ' ')}Z`
}

test.serial('a kid that begins with a dash is a kid, not an option', async (t) => {
  const dashed = `-${'a'.repeat(42)}`
  t.like(await d.failure(`keys retire ${dashed}`), { code: 'key_not_found', exit: 66 })
})
