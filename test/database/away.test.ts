import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { connectServer } from '../../src/database/server.ts'
import { createServerDatabase, engines, startApp } from '../_app.ts'
import { sql } from './_databases.ts'

if (engines.includes('server')) {
  test('while the server is away, what needs it is 503 database_unavailable; afterwards it works again', async (t) => {
    const proxy = await startProxy(await createServerDatabase())
    t.teardown(proxy.cut)
    const app = await startApp({ databaseUrl: proxy.url })
    t.teardown(app.close)
    const { token, refreshToken } = await app.signup('anna')
    const asAnna = { Authorization: `Bearer ${token}` }
    const needing = [
      () => app.login('anna'),
      () => app.post('/token', { refreshToken }),
      () => app.get('/user', asAnna),
      () => app.get('/webhook', asAnna),
      () => app.get('/readyz'),
    ]

    await proxy.cut()
    for (const request of needing) {
      const { status, body, headers } = await request()
      t.like({ status, ...body }, { status: 503, code: 'database_unavailable' })
      t.is(headers.get('retry-after'), '5')
    }
    t.is((await app.get('/jwks')).status, 200)
    t.is((await app.get('/healthz')).status, 200)
    await t.throwsAsync(app.gateway.database.prisma.user.count(), { code: 'database_unavailable' })

    await proxy.restore()
    for (const request of needing) t.is((await request()).status, 200)
  })

  test('a statement whose connection is cut fails as database_unavailable, with Prisma and without', async (t) => {
    const url = await createServerDatabase()
    const app = await startApp({ databaseUrl: url })
    t.teardown(app.close)
    const other = connectServer(url, () => {})
    t.teardown(() => other.close())
    const { database } = app.gateway
    for (const work of [
      () => database.query({ name: '', text: 'SELECT pg_sleep(100)::text' }, []),
      () => database.prisma.$queryRaw`SELECT pg_sleep(100)::text`,
    ]) {
      const sleeping = t.throwsAsync(work, { code: 'database_unavailable' })
      await terminate(other, `query LIKE '%pg_sleep(100)%'`)
      await sleeping
    }
  })

  test('idle connections that the server drops are logged, and replaced', async (t) => {
    const url = await createServerDatabase()
    const app = await startApp({ databaseUrl: url })
    t.teardown(app.close)
    await app.signup('anna')
    const other = connectServer(url, () => {})
    t.teardown(() => other.close())
    await terminate(other, `application_name = 'claimgate' AND state = 'idle'`)
    await until(() => app.logs.some(({ msg }) => msg === 'lost an idle database connection'))
    t.is((await app.login('anna')).status, 200)
  })
} else {
  test('only a server can be away', (t) => t.pass())
}

type Connection = ReturnType<typeof connectServer>

/** Cuts the other connections of this database that `condition` is about, as soon as there are any. */
async function terminate(connection: Connection, condition: string): Promise<void> {
  const text = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND ${condition}`
  await until(async () => (await sql(connection, text)).length > 0)
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    if (await isSo()) return
    await sleep(10)
  }
  throw new Error('it never came to that')
}

/** A way to a server that can be cut: connections end, and new ones are refused until it is restored. */
async function startProxy(target: string) {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const [socket, end] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        end.destroy()
      })
      socket.pipe(end)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(target)
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    cut: async () => {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
    restore: async () => {
      server.listen(Number(url.port), '127.0.0.1')
      await once(server, 'listening')
    },
  }
}
