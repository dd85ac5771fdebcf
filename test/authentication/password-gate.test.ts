import bcrypt from 'bcrypt'
import Koa from 'koa'
import { pino } from 'pino'
import type { HashThreads } from '../../src/authentication/hash-threads.ts'
import { createPasswordHashes } from '../../src/authentication/password-hash.ts'
import { readHash } from '../../src/authentication/password-hash-format.ts'
import { createVerifyPassword } from '../../src/authentication/verify-password.ts'
import type { State } from '../../src/context.ts'
import { GatewayError } from '../../src/errors.ts'
import { errorHandler } from '../../src/http/error-handler.ts'
import { logRequest } from '../../src/http/request.ts'
import { listen } from '../../src/http/server.ts'
import test from '../_test.ts'
import { foreignHashes } from './_foreign-hashes.ts'

/** Finishes each running hash. */
const running: (() => void)[] = []
let most = 0
const compared: string[] = []

const threads: Omit<HashThreads, 'size'> = {
  compute: (task) => {
    if (task.kind === 'new bcrypt') return pause(`$2b$${String(task.cost).padStart(2, '0')}$made`)
    const algorithm = task.kind === 'verify' ? readHash(task.hash)?.algorithm : undefined
    if (algorithm?.name !== 'bcrypt') return Promise.resolve(false)
    compared.push(algorithm.hash)
    return pause(false)
  },
}

function pause<T>(result: T): Promise<T> {
  return new Promise((resolve) => {
    running.push(() => resolve(result))
    most = Math.max(most, running.length)
  })
}

const someHash = `${bcrypt.genSaltSync(10, 'b')}${'a'.repeat(31)}`

const settle = () => new Promise((resolve) => setTimeout(resolve, 5))

/** Finishes all running hashes, and the hashes that start afterwards. */
async function finish(): Promise<void> {
  for (await settle(); running.length > 0; await settle()) running.shift()?.()
}

test.beforeEach(() => {
  most = 0
  compared.length = 0
})

/** Creates hashes for clients at different addresses, or at the same one by default. */
function createHashes(concurrency: number, queue: number, bcryptCost = 10, wait = 60) {
  const { hash, verify, ...others } = createPasswordHashes({
    passwordHash: 'bcrypt',
    bcryptCost,
    threads: { size: concurrency, compute: (task) => threads.compute(task) },
    hashQueue: queue,
    hashPerAddress: 50,
    hashWait: wait,
  })
  return {
    ...others,
    hash: (password: string, address = '192.0.2.1') => hash(password, address),
    verify: (password: string, stored: string | null, address = '192.0.2.1') =>
      verify(password, stored, address),
  }
}
type PasswordHashes = ReturnType<typeof createHashes>

test.serial('never more than `concurrency` hashes are computed at once, and all of them are', async (t) => {
  const hashes = createHashes(3, 100)
  const all = Promise.all([
    ...Array.from({ length: 10 }, () => hashes.hash('x')),
    ...Array.from({ length: 10 }, () => hashes.verify('x', someHash)),
    ...Array.from({ length: 10 }, () => hashes.verify('x', null)),
  ])
  await settle()
  t.is(running.length, 3)
  await finish()
  t.is((await all).length, 30)
  t.is(most, 3)
})

test.serial('what comes when `queue` are waiting is refused as overloaded at once', async (t) => {
  const hashes = createHashes(2, 3)
  const outcomes: Promise<unknown>[] = []
  for (let index = 0; index < 5; index++) {
    outcomes.push(hashes.hash('x'))
    await settle()
  }
  const error = await t.throwsAsync(hashes.hash('x'), { instanceOf: GatewayError })
  t.like(error, { code: 'overloaded', status: 503 })
  t.regex((error as GatewayError).headers['Retry-After'] ?? '', /^[1-9]\d*$/)
  await t.throwsAsync(hashes.verify('x', someHash), { instanceOf: GatewayError })
  await t.throwsAsync(hashes.verify('x', null), { instanceOf: GatewayError })
  await finish()
  t.is((await Promise.all(outcomes)).length, 5)
  t.is(most, 2)
})

test.serial(
  'a request that has waited for `wait` seconds is rejected as overloaded at that moment, without work',
  async (t) => {
    const hashes = createHashes(1, 10, 10, 1)
    const first = hashes.verify('x', someHash)
    const late = await Promise.allSettled(Array.from({ length: 5 }, () => hashes.verify('x', someHash)))
    // The first one still runs.
    t.deepEqual(hashes.load(), { running: 1, waiting: 0 })
    const inTime = hashes.verify('x', someHash)
    await finish()
    t.false(await first)
    for (const outcome of late) {
      t.is(outcome.status, 'rejected')
      t.like((outcome as PromiseRejectedResult).reason, { code: 'overloaded' })
    }
    t.false(await inTime)
    t.is(compared.length, 2)
  },
)

test.serial('addresses take turns, and a /64 network is one address', async (t) => {
  const hashes = createHashes(1, 100)
  const order: string[] = []
  const ask = (address: string) => hashes.verify('x', someHash, address).then(() => void order.push(address))
  const many = Array.from({ length: 10 }, (_, at) => ask(`2001:db8::${at + 1}`))
  const other = ask('198.51.100.7')
  await finish()
  await Promise.all([...many, other])
  t.is(order.indexOf('198.51.100.7'), 2)
})

test.serial('the gate opens again when the work is done, also when it failed', async (t) => {
  const hashes = createHashes(1, 1)
  const intact = threads.compute
  threads.compute = () => Promise.reject(new Error('out of memory'))
  await t.throwsAsync(hashes.hash('x'), { message: 'out of memory' })
  threads.compute = intact
  for (let round = 0; round < 3; round++) {
    const work = hashes.hash('x')
    await finish()
    t.is(await work, '$2b$10$made')
  }
})

for (const hash of [
  '',
  '*',
  'plain text',
  '$argon2x$v=19$m=4096,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2g',
  '$2b$10$short',
  '$6$x$y',
  // A day of work, 1 GiB of memory, and more passes and lanes than any program asks for.
  someHash.replace('$10$', '$26$'),
  someHash.replace('$10$', '$16$'),
  `$argon2id$v=19$m=1048576,t=1,p=1$${'a'.repeat(22)}$${'b'.repeat(43)}`,
  `$argon2id$v=19$m=8,t=17,p=1$${'a'.repeat(22)}$${'b'.repeat(43)}`,
  `$argon2id$v=19$m=1024,t=1,p=17$${'a'.repeat(22)}$${'b'.repeat(43)}`,
]) {
  test.serial(
    `a password whose hash is ${JSON.stringify(hash)} costs the same comparison as any`,
    async (t) => {
      const work = createHashes(1, 1).verify('x', hash)
      await finish()
      t.false(await work)
      t.is(compared.length, 1)
      t.is(bcrypt.getRounds(compared[0] ?? ''), 10)
    },
  )
}

test.serial('a password without a hash is compared with a hash of the configured cost', async (t) => {
  for (const cost of [4, 10, 12]) {
    const work = createHashes(1, 1, cost).verify('x', null)
    await finish()
    t.false(await work)
    t.is(bcrypt.getRounds(compared.at(-1) ?? ''), cost)
    t.is(compared.at(-1)?.length, 60)
  }
})

test.serial(
  'unknown user, wrong password, provider-only and inactive user cost one comparison and get one answer',
  async (t) => {
    const users = new Map([
      ['alice', { id: '1', password: someHash, active: true }],
      ['inactive', { id: '2', password: someHash, active: false }],
      ['provider-only', { id: '3', password: null, active: true }],
    ])
    const verify = createVerifyPassword({
      provider: 'local',
      users: {
        findCredentials: async (username) => users.get(username) ?? null,
        replaceHash: async () => t.fail(),
      },
      hashes: createHashes(1, 10),
    })
    const answers = new Set<string>()
    const request = { ctx: { state: { address: '192.0.2.1' } } }
    for (const username of ['alice', 'inactive', 'provider-only', 'nobody']) {
      const before = compared.length
      const done = new Promise<unknown>((resolve) => verify(request, username, 'wrong', resolve))
      await finish()
      const error = (await done) as GatewayError
      answers.add(JSON.stringify([error.code, error.status, error.title, error.detail, error.headers]))
      t.is(compared.length, before + 1)
      t.is(bcrypt.getRounds(compared.at(-1) ?? ''), 10)
    }
    t.is(answers.size, 1)
    t.regex([...answers][0] ?? '', /"invalid_credentials",401/)
  },
)

/** Asserts that a password is rejected. Returns the hashes that it was compared with. */
async function refuse(hashes: PasswordHashes, password: string, hash: string | null): Promise<string[]> {
  const before = compared.length
  const work = hashes.verify(password, hash)
  let isDone = false
  void work.finally(() => {
    isDone = true
  })
  while (!isDone) await finish()
  if (await work) throw new Error('not refused')
  return compared.slice(before)
}

test.serial(
  'a wrong password for a hash of an earlier setting costs no less than one for an unknown user, in one turn',
  async (t) => {
    const hashes = createHashes(1, 10, 12)
    const costs = async (hash: string | null) => (await refuse(hashes, 'x', hash)).map(bcrypt.getRounds)
    t.deepEqual(await costs(null), [12])
    t.deepEqual(await costs(someHash), [10, 12])
    t.deepEqual(await costs(someHash.replace('$10$', '$12$')), [12])
    t.deepEqual(await costs(someHash.replace('$10$', '$13$')), [13])
    const argon2id = `$argon2id$v=19$m=8,t=1,p=1$${'a'.repeat(22)}$${'b'.repeat(43)}`
    t.deepEqual(await costs(argon2id), [12])

    const both = Promise.all([hashes.verify('x', someHash), hashes.verify('x', someHash)])
    await finish()
    await both
    t.is(most, 1)
  },
)

test.serial(
  'a wrong password for a hash of another program costs a comparison at the configured cost too',
  async (t) => {
    const hashes = createHashes(1, 10, 12)
    for (const [name, hash] of Object.entries(foreignHashes)) {
      const costs = (await refuse(hashes, 'x', hash)).map(bcrypt.getRounds)
      t.deepEqual(costs, /bcrypt/.test(name) ? [4, 12] : [12], name)
    }
  },
)

test.serial(
  'a password that can be composed in two ways is compared in both, and for an unknown user too',
  async (t) => {
    const hashes = createHashes(1, 10, 12)
    const counts = async (password: string) => [
      (await refuse(hashes, password, null)).length,
      (await refuse(hashes, password, someHash.replace('$10$', '$12$'))).length,
      (await refuse(hashes, password, someHash)).length,
    ]
    t.deepEqual(await counts('é'.normalize('NFC')), [1, 1, 2])
    t.deepEqual(await counts('é'.normalize('NFD')), [2, 2, 4])
  },
)

test.serial('overloaded is answered with 503 and Retry-After', async (t) => {
  const hashes = createHashes(1, 1)
  const app = new Koa<State>()
  app.use(logRequest({ log: pino({ level: 'silent' }), trustedProxies: 0 }))
  app.use(errorHandler())
  app.use(async (ctx) => {
    ctx.body = await hashes.hash('x')
  })
  const server = await listen(app.callback(), {
    port: 0,
    host: '127.0.0.1',
    headersTimeout: 10,
    requestTimeout: 30,
    keepAliveTimeout: 65,
    idleTimeout: 60,
    maxConnections: 100,
    onFull: () => {},
    onClientError: (_error, socket) => socket.destroy(),
  })
  const ask = async () => {
    const response = await fetch(`http://127.0.0.1:${server.port}/`)
    return {
      status: response.status,
      retry: response.headers.get('retry-after'),
      text: await response.text(),
    }
  }
  const first = ask()
  while (running.length < 1) await settle()
  const second = ask()
  const third = ask()
  const refused = await Promise.race([second, third])
  t.is(refused.status, 503)
  t.is(refused.retry, '5')
  t.like(JSON.parse(refused.text), { code: 'overloaded', status: 503 })
  await finish()
  t.deepEqual((await Promise.all([first, second, third])).map(({ status }) => status).sort(), [200, 200, 503])
  await server.close({ drain: 0, grace: 1 })
})
