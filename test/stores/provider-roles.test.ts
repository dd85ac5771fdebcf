import { createProviderRoles, type ProviderRoles } from '../../src/stores/provider-roles.ts'
import { createRoles, type Roles } from '../../src/stores/roles.ts'
import { createMigratedDatabase, type Engine, engines } from '../_app.ts'
import { createRandom } from '../_random.ts'
import test from '../_test.ts'
import { until } from '../_until.ts'
import { now, openStores, type Stores } from './_stores.ts'

const acme = (subject: string) => ({ provider: 'acme', subject })
const other = (subject: string) => ({ provider: 'other', subject })

/** Returns the roles of a user with the provider of each row, sorted. */
const rowsOf = async ({ sql }: Stores, userId: string) =>
  (
    await sql<{ name: string; provider: string | null }>(
      `SELECT r.name, ur.provider FROM user_role ur JOIN role r ON r.id = ur.role_id
      WHERE ur.user_id = $1 ORDER BY r.name`,
      [userId],
    )
  ).map(({ name, provider }) => `${name} ${provider ?? 'by hand'}`)

for (const engine of engines) {
  let stores: Stores
  let providerRoles: ProviderRoles
  let roles: Roles
  const ids = new Map<string, string>()

  test.before(`${engine}: open`, async () => {
    // The load needs its own connections.
    stores = await openStores(engine, engine === 'server' ? await createMigratedDatabase() : undefined)
    providerRoles = createProviderRoles(stores.database)
    roles = createRoles(stores.database)
    for (const name of ['author', 'editor', 'reviewer', ...Array.from({ length: 10 }, (_, n) => `load${n}`)])
      ids.set(name, (await roles.create(name)) ?? '')
  })
  test.after.always(`${engine}: close`, () => stores?.close())

  const addLinked = async (username: string, providers = ['acme', 'other']) => {
    const id = await stores.addUser(username)
    for (const provider of providers)
      await stores.identities.link(
        { provider, subject: username, email: null, emailVerified: false },
        id,
        now,
      )
    return id
  }
  const byHand = (userId: string, role: string) => roles.grant([userId], ids.get(role) ?? '')
  const defaultOf = async (id: string) =>
    (await stores.sql(`SELECT default_role_id FROM "user" WHERE id = $1`, [id]))[0]?.default_role_id

  test(`${engine}: a sign-in grants and takes back the rows of its provider, and makes no role`, async (t) => {
    const id = await addLinked('anna')
    t.deepEqual(await providerRoles.set(id, acme('anna'), ['editor', 'author', 'unknown']), {
      granted: ['author', 'editor'],
      taken: [],
    })
    t.deepEqual(await rowsOf(stores, id), ['author acme', 'editor acme'])
    t.is(await providerRoles.set(id, acme('anna'), ['author', 'editor']), null)
    t.deepEqual(await providerRoles.set(id, acme('anna'), ['reviewer', 'editor']), {
      granted: ['reviewer'],
      taken: ['author'],
    })
    t.deepEqual(await rowsOf(stores, id), ['editor acme', 'reviewer acme'])
    await providerRoles.set(id, acme('anna'), [])
    t.deepEqual(await rowsOf(stores, id), [])
    t.is(await roles.findId('unknown'), null)
  })

  test(`${engine}: providers and hands leave the rows of each other, and a grant by hand keeps a role for good`, async (t) => {
    const id = await addLinked('berta')
    await byHand(id, 'author')
    await providerRoles.set(id, acme('berta'), ['author', 'editor'])
    await providerRoles.set(id, other('berta'), ['author', 'editor', 'reviewer'])
    t.deepEqual(await rowsOf(stores, id), ['author by hand', 'editor acme', 'reviewer other'])
    await providerRoles.set(id, acme('berta'), [])
    t.deepEqual(await rowsOf(stores, id), ['author by hand', 'reviewer other'])
    // The next sign-in at the other provider grants what the first one had granted until now.
    await providerRoles.set(id, other('berta'), ['author', 'editor', 'reviewer'])
    t.deepEqual(await rowsOf(stores, id), ['author by hand', 'editor other', 'reviewer other'])
    t.deepEqual(await byHand(id, 'reviewer'), [{ id, isNew: false, provider: 'other' }])
    t.deepEqual(await byHand(id, 'reviewer'), [{ id, isNew: false, provider: null }])
    await providerRoles.set(id, other('berta'), [])
    t.deepEqual(await rowsOf(stores, id), ['author by hand', 'reviewer by hand'])
    t.deepEqual(await roles.revoke([id], ids.get('reviewer') ?? ''), [
      { id, granted: true, byDefault: false, provider: null },
    ])
  })

  test(`${engine}: a default role goes with its row, at a sign-in and at an unlinking`, async (t) => {
    const id = await addLinked('carla', ['acme', 'other'])
    await byHand(id, 'author')
    await providerRoles.set(id, acme('carla'), ['author', 'editor'])
    await roles.setDefault(id, ids.get('editor') ?? '')
    await providerRoles.set(id, acme('carla'), ['author', 'editor'])
    t.is(await defaultOf(id), ids.get('editor'))
    await providerRoles.set(id, acme('carla'), ['author', 'reviewer'])
    t.is(await defaultOf(id), null)

    await providerRoles.set(id, other('carla'), ['editor'])
    await roles.setDefault(id, ids.get('reviewer') ?? '')
    t.true(await stores.identities.unlink('acme', id, null, now))
    t.is(await defaultOf(id), null)
    t.deepEqual(await rowsOf(stores, id), ['author by hand', 'editor other'])
    await roles.setDefault(id, ids.get('author') ?? '')
    t.true(await stores.identities.unlink('other', id, null, now))
    t.is(await defaultOf(id), ids.get('author'))
    t.deepEqual(await rowsOf(stores, id), ['author by hand'])
  })

  test(`${engine}: an identity that is not linked any more gets no roles`, async (t) => {
    const id = await addLinked('dora')
    await stores.identities.unlink('acme', id, null, now)
    t.is(await providerRoles.set(id, acme('dora'), ['editor']), null)
    t.deepEqual(await rowsOf(stores, id), [])
  })

  if (engine === 'server')
    test(`${engine}: a sign-in that waits for another one takes back what that one granted`, async (t) => {
      const { sql, database } = stores
      const id = await addLinked('emma')
      const waiting = await (await database.prisma()).$transaction(async (tx) => {
        const pids = await tx.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`
        await tx.$queryRaw`SELECT 1 FROM "user" WHERE id = ${id}::uuid FOR NO KEY UPDATE`
        const set = providerRoles.set(id, acme('emma'), ['author'])
        const blocked = 'SELECT 1 FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))'
        await until(async () => (await sql(blocked, [pids[0]?.pid])).length > 0)
        await tx.$executeRaw`INSERT INTO user_role (user_id, role_id, provider)
          SELECT ${id}::uuid, id, 'acme' FROM role WHERE name = 'reviewer'`
        return { set }
      })
      await waiting.set
      t.deepEqual(await rowsOf(stores, id), ['author acme'])
    })

  const load: Record<Engine, number> = { embedded: 200, server: 1000 }

  test.serial(
    `${engine}: after ${load[engine]} concurrent sign-ins with grants by hand, each row is of the last one or by hand`,
    async (t) => {
      const random = createRandom(19)
      const some = () => Array.from({ length: 10 }, (_, n) => `load${n}`).filter(() => random() < 0.5)
      const signInOf = async (user: number) => {
        const name = `load-user${user}`
        const id = await addLinked(name)
        const hands = new Set<string>()
        const expected = (wanted: readonly string[]) =>
          [...new Set([...wanted, ...hands])]
            .sort()
            .map((role) => `${role} ${hands.has(role) ? 'by hand' : 'acme'}`)
        // In each round five sign-ins run at once, with a grant by hand.
        for (let round = 0; round < load[engine] / 20; round++) {
          const sets = Array.from({ length: 5 }, some)
          const granted = `load${Math.floor(random() * 10)}`
          await Promise.all([
            ...sets.map((set) => providerRoles.set(id, acme(name), set)),
            byHand(id, granted),
          ])
          hands.add(granted)
          const rows = await rowsOf(stores, id)
          const isOfOne = sets.some((set) => rows.join() === expected(set).join())
          if (!isOfOne) t.deepEqual(rows, sets.map(expected) as unknown as string[])
          // Then a hand takes one back, which the next sign-in may grant.
          if (round % 3 === 2) {
            await roles.revoke([id], ids.get(granted) ?? '')
            hands.delete(granted)
          }
        }
        const last = some()
        await providerRoles.set(id, acme(name), last)
        t.deepEqual(await rowsOf(stores, id), expected(last))
      }
      await Promise.all(Array.from({ length: 4 }, (_, user) => signInOf(user)))
    },
  )
}
