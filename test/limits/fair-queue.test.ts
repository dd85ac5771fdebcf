import fc from 'fast-check'
import { GatewayError } from '../../src/errors.ts'
import { createFairQueue, type FairQueue } from '../../src/limits/fair-queue.ts'
import { quick, startApp } from '../_app.ts'
import { rounds } from '../_rounds.ts'
import test from '../_test.ts'

const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Works that run until the test finishes them, in the order of their starts. */
function createWorks(queue: FairQueue) {
  const started: { name: string; finish: () => void }[] = []
  const refused: string[] = []
  return {
    started,
    refused,
    add: (key: string, name = key): Promise<void> =>
      queue
        // A key may be a group and a key in it.
        .run(
          key.split('/') as [string, ...string[]],
          () => new Promise<void>((resolve) => void started.push({ name, finish: resolve })),
        )
        .catch((error: unknown) => {
          if (!(error instanceof GatewayError && error.code === 'overloaded')) throw error
          refused.push(name)
        }),
  }
}

const roomy = { concurrency: 2, capacity: 100, perKey: 100, wait: 60 }

test('a key with many works delays another key by one work', async (t) => {
  const { add, started } = createWorks(createFairQueue(roomy))
  const all = [...Array(20).fill('many'), 'one', 'two'].map((key) => add(key))
  for (let done = 0; done < all.length; done++) {
    await settle()
    started[done]?.finish()
  }
  await Promise.all(all)
  const order = started.map(({ name }) => name)
  t.deepEqual(order.slice(0, 6), ['many', 'many', 'many', 'one', 'two', 'many'])
})

test('a long queue that is full refuses works without delaying other requests', async (t) => {
  const capacity = 20_000
  const queue = createFairQueue({ ...roomy, capacity, perKey: 2 * capacity, wait: 0.001 })
  let finish = () => {}
  const running = new Promise<void>((resolve) => {
    finish = resolve
  })
  const works = Array.from({ length: capacity + 100 }, () => queue.run(['network', 'address'], () => running))
  const outcomes = Promise.allSettled(works)
  t.deepEqual(queue.load(), { running: roomy.concurrency, waiting: capacity })
  finish()
  const refused = (await outcomes).filter(({ status }) => status === 'rejected')
  t.true(refused.length >= 100 - roomy.concurrency)
})

test('a key has at most `perKey` works, and other keys are not affected', async (t) => {
  const { add, started, refused } = createWorks(createFairQueue({ ...roomy, perKey: 3 }))
  const all = ['a1', 'a2', 'a3', 'a4', 'b1'].map((name) => add(name.slice(0, 1), name))
  await settle()
  t.deepEqual(refused, ['a4'])
  for (let done = 0; done < 4; done++) {
    started[done]?.finish()
    await settle()
  }
  await Promise.all(all)
  t.deepEqual(started.map(({ name }) => name).sort(), ['a1', 'a2', 'a3', 'b1'])
  // The places are free again.
  const again = add('a', 'a5')
  await settle()
  started[4]?.finish()
  await again
  t.deepEqual(refused, ['a4'])
})

test('in a full queue the key with the most waiting works gives way', async (t) => {
  const { add, started, refused } = createWorks(createFairQueue({ ...roomy, concurrency: 1, capacity: 4 }))
  const names = ['a0', 'a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1', 'a5']
  const all = names.map((name) => add(name.slice(0, 1), name))
  await settle()
  t.deepEqual(refused.sort(), ['a3', 'a4', 'a5', 'b2'])
  for (let done = 0; done < 5; done++) {
    started[done]?.finish()
    await settle()
  }
  await Promise.all(all)
  t.deepEqual(
    started.map(({ name }) => name),
    ['a0', 'a1', 'b1', 'c1', 'a2'],
  )
})

test('groups take turns, and keys within a group', async (t) => {
  const { add, started } = createWorks(createFairQueue({ ...roomy, concurrency: 1 }))
  const names = ['g/1', 'g/2', 'g/3', 'g/3', 'g/3', 'g/4', 'h/5', 'h/5', 'h/6']
  const all = names.map((name) => add(name))
  for (let done = 0; done < all.length; done++) {
    await settle()
    started[done]?.finish()
  }
  await Promise.all(all)
  const order = started.map(({ name }) => name)
  t.deepEqual(order, ['g/1', 'g/2', 'h/5', 'g/3', 'h/6', 'g/4', 'h/5', 'g/3', 'g/3'])
})

test('in a full queue a group of many keys gives way', async (t) => {
  const { add, started, refused } = createWorks(createFairQueue({ ...roomy, concurrency: 1, capacity: 4 }))
  const names = ['g/0', 'g/1', 'g/2', 'g/3', 'g/4', 'h/1', 'h/2', 'h/3']
  const all = names.map((name) => add(name))
  await settle()
  t.deepEqual(refused.sort(), ['g/3', 'g/4', 'h/3'])
  for (let done = 0; done < 5; done++) {
    started[done]?.finish()
    await settle()
  }
  await Promise.all(all)
})

test('a key that comes anew has no more turns than the others', async (t) => {
  const { add, started } = createWorks(createFairQueue({ ...roomy, concurrency: 1 }))
  const old = Array.from({ length: 10 }, () => add('old'))
  for (let done = 0; done < 5; done++) {
    await settle()
    started[done]?.finish()
  }
  await settle()
  const others = Array.from({ length: 3 }, () => add('new'))
  for (let done = 5; done < 13; done++) {
    await settle()
    started[done]?.finish()
  }
  await Promise.all([...old, ...others])
  const order = started.map(({ name }) => name).slice(6)
  t.deepEqual(order, ['old', 'new', 'old', 'new', 'old', 'new', 'old'])
})

test('a work is refused when its wait is over, while the work before it still runs', async (t) => {
  const queue = createFairQueue({ ...roomy, concurrency: 1, wait: 0.05 })
  const { add, started, refused } = createWorks(queue)
  const first = add('a', 'running')
  await Promise.all([add('a', 'a1'), add('b', 'b1')])
  t.deepEqual(refused, ['a1', 'b1'])
  t.deepEqual(queue.load(), { running: 1, waiting: 0 })
  started[0]?.finish()
  await first
  t.is(started.length, 1)
})

test.serial('at any load, works run within the limits, all of them end, and no timer is left', async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const before = timers()
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        concurrency: fc.integer({ min: 1, max: 3 }),
        capacity: fc.integer({ min: 0, max: 8 }),
        perKey: fc.integer({ min: 1, max: 6 }),
      }),
      fc.array(fc.constantFrom('a', 'b', 'c', 'finish'), { maxLength: 60 }),
      async (limits, steps) => {
        const queue = createFairQueue({ ...limits, wait: 60 })
        const { add, started, refused } = createWorks(queue)
        const all: Promise<void>[] = []
        let done = 0
        for (const step of steps) {
          if (step !== 'finish') all.push(add(step))
          else if (done < started.length) started[done++]?.finish()
          await settle()
          const { running, waiting } = queue.load()
          t.true(running <= limits.concurrency && waiting <= limits.capacity)
          t.is(running, started.length - done)
          t.is(waiting, all.length - started.length - refused.length)
        }
        while (done < started.length) {
          started[done++]?.finish()
          await settle()
        }
        await Promise.all(all)
        t.is(started.length + refused.length, all.length)
        t.deepEqual(queue.load(), { running: 0, waiting: 0 })
      },
    ),
    { numRuns: rounds(50, 500) },
  )
  t.true(timers() <= before)
})

test('a login counts for its address, and logins from other addresses are served', async (t) => {
  const env = { AUTH_TRUSTED_PROXIES: '1', AUTH_HASH_PER_ADDRESS: '1', AUTH_BCRYPT_COST: '10' }
  const app = await startApp({ engine: quick, env })
  t.teardown(app.close)
  await app.signup('anna')
  const logIn = async (address: string) => {
    const body = { username: 'anna', password: 'correct horse' }
    return (await app.call('POST', '/login', { body, headers: { 'X-Forwarded-For': address } })).status
  }
  const [many, others] = await Promise.all([
    Promise.all(Array.from({ length: 10 }, () => logIn('192.0.2.1'))),
    Promise.all(Array.from({ length: 5 }, (_, at) => logIn(`198.51.100.${at}`))),
  ])
  t.deepEqual(others, [200, 200, 200, 200, 200])
  t.deepEqual([...new Set(many)].sort(), [200, 503])
})
