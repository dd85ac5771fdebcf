import fc from 'fast-check'
import { leadTime, planRotation, type RotationPolicy, rotateKeys } from '../../src/tokens/key-rotation.ts'
import { rounds } from '../_rounds.ts'
import test from '../_test.ts'
import { createFakeStore } from './_key-store.ts'

const start = Date.parse('2026-01-01T00:00:00Z')
const at = (seconds: number) => new Date(start + seconds * 1000)

const policies: fc.Arbitrary<RotationPolicy> = fc.record({
  rotation: fc.constantFrom(0, 86_400, 7 * 86_400, 90 * 86_400),
  jwksMaxAge: fc.integer({ min: 1, max: 3600 }),
  accessTokenLifetime: fc.integer({ min: 60, max: 86_400 }),
})

test('at any update times, a key is published twice max-age before it signs and until its last token has expired', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      policies,
      fc.array(fc.integer({ min: 1, max: 100_000 }), { maxLength: 200 }),
      async (policy, pauses) => {
        const store = createFakeStore()
        let made = 0
        const make = async () => ({ kid: `k${made++}`, publicJwk: {}, privateKey: new Uint8Array() })
        const published = new Map<string, number>()
        const lastSigned = new Map<string, number>()
        let now = 0
        for (const pause of [0, ...pauses]) {
          now += pause
          const { keys } = await rotateKeys(store, policy, make, () => true, at(now))
          const kids = new Set(keys.map(({ kid }) => kid))
          t.is(keys.filter(({ state }) => state === 'active').length, 1)
          for (const kid of kids) published.set(kid, published.get(kid) ?? now)
          const signing = keys.find(({ state }) => state === 'active')?.kid as string
          const isFirst = signing === 'k0'
          t.true(isFirst || now - (published.get(signing) as number) >= leadTime(policy), 'signs too early')
          for (const [kid, signed] of lastSigned) {
            t.true(kids.has(kid) || now > signed + policy.accessTokenLifetime, 'removed too early')
          }
          lastSigned.set(signing, now)
        }
        if (policy.rotation === 0) t.is(made, 1)
      },
    ),
    { numRuns: rounds(60, 200) },
  )
})

test('no change is due between two rotations', async (t) => {
  const policy = { rotation: 86_400, jwksMaxAge: 300, accessTokenLifetime: 900 }
  const store = createFakeStore()
  await rotateKeys(
    store,
    policy,
    async () => ({ kid: 'a', publicJwk: {}, privateKey: new Uint8Array() }),
    () => true,
    at(0),
  )
  t.deepEqual(planRotation(store.keys, policy, at(1000)), [])
  t.deepEqual(planRotation(store.keys, policy, at(86_400 - 600)), [{ step: 'create', state: 'next' }])
})

test('a key encrypted with another secret never becomes active, and while such a key is active, nothing changes', async (t) => {
  const policy = { rotation: 86_400, jwksMaxAge: 300, accessTokenLifetime: 900 }
  const store = createFakeStore()
  let made = 0
  const make = async () => ({ kid: `k${made++}`, publicJwk: {}, privateKey: new Uint8Array() })
  const rotate = (now: number, locked: string) =>
    rotateKeys(store, policy, make, ({ kid }) => kid !== locked, at(now))
  await rotate(0, '')
  t.deepEqual((await rotate(86_400, 'k0')).done, [])
  t.is(made, 1)
  await rotate(86_400, '')
  t.deepEqual((await rotate(90_000, 'k1')).done, [])
  t.deepEqual((await rotate(90_000, '')).done, [{ step: 'activate', kid: 'k1' }])
})

test('a key stays published as long as its longest token lives, also after the token lifetime was shortened', async (t) => {
  const store = createFakeStore()
  const key = { kid: 'a', publicJwk: {}, privateKey: new Uint8Array() }
  await store.add(key, 'active', 86_400, at(0))
  await store.add({ ...key, kid: 'b' }, 'next', 900, at(0))
  await store.activate('b', at(1000))
  const policy = { rotation: 0, jwksMaxAge: 300, accessTokenLifetime: 900 }
  t.deepEqual(planRotation(store.keys, policy, at(1000 + 86_400)), [])
  t.deepEqual(planRotation(store.keys, policy, at(1000 + 86_400 + 120)), [{ step: 'remove', kid: 'a' }])
})
