import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Channel, createChannel } from '../../src/database/channel.ts'
import { type Connection, createDatabase } from '../../src/database/database.ts'
import { connectEmbedded, createPglite, openEmbedded } from '../../src/database/embedded.ts'
import { createEngine, type Engine } from '../../src/database/engine.ts'
import { createEngineClient } from '../../src/database/engine-client.ts'
import { createEngineServer, type Patience } from '../../src/database/engine-server.ts'
import { isAway, isUniqueViolation } from '../../src/database/failures.ts'
import { snapshotUrl } from '../../src/database/open.ts'
import { unpackSnapshot } from '../../src/database/snapshot.ts'
import { createRoles } from '../../src/stores/roles.ts'
import { root } from '../_app.ts'
import { makeDirectory } from '../_directory.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { createFolder, sql } from './_databases.ts'

const release = 'a test'

let engine: Engine
let folder: string
test.before('open', async () => {
  folder = await makeDirectory()
  await unpackSnapshot(snapshotUrl(root), join(folder, 'data'))
  engine = createEngine(await createPglite(join(folder, 'data')))
})
test.after.always('close', async () => {
  await engine?.close()
  await rm(folder, { recursive: true, force: true })
})

/** Serves the engine on a socket, and returns a client of it, as a command of another process has one. */
async function connectCommand(t: ExecutionContext, patience?: Patience) {
  const path = join(folder, randomUUID())
  const serve = createEngineServer(engine, patience)
  const server = createServer((socket) => void serve(createChannel(socket.on('error', () => {}))))
  await once(server.listen(path), 'listening')
  const open = async (): Promise<Channel> => createChannel(await connected(path))
  const client = createEngineClient(await open(), open)
  await engine.exec('DELETE FROM role')
  t.teardown(async () => {
    await client.close()
    server.close()
  })
  return { gateway: connectEmbedded(engine), command: connectEmbedded(client), client, path }
}

async function connected(path: string): Promise<Socket> {
  const socket = connect(path)
  await once(socket, 'connect')
  return socket.on('error', () => {})
}

/** Opens an embedded database as a gateway. */
async function openGateway(t: ExecutionContext) {
  const directory = await createFolder(t)
  const open = (isGateway: boolean) => openEmbedded(directory, snapshotUrl(root), { isGateway, release })
  return { directory, gateway: await open(true), openCommand: () => open(false) }
}

const countRoles = async (connection: Connection) =>
  (await sql<{ count: number }>(connection, 'SELECT count(*)::int FROM role'))[0]?.count

test.serial(
  'a command gets the same values and errors as the gateway that has the database open',
  async (t) => {
    const { gateway, command } = await connectCommand(t)
    const text = `SELECT NULL AS nothing, 1 AS small, 9007199254740993::bigint AS large, 1.50::numeric AS exact,
    '2020-02-29 12:00:00.123Z'::timestamptz AS time, '\\x00ff'::bytea AS bytes, '{"a": [1]}'::jsonb AS json,
    ARRAY['a', 'ß😀', NULL] AS texts, $1::timestamptz AS given, $2::bytea AS sent, $3::jsonb AS document`
    const values = [new Date(0), new Uint8Array([1, 2]), { b: 'c' }]
    t.deepEqual(await sql(command, text, values), await sql(gateway, text, values))

    const roles = createRoles(createDatabase(command))
    t.regex((await roles.create('editor')) ?? '', /^[0-9a-f-]{36}$/)
    t.is(await roles.create('editor'), null)
    t.like(await createRoles(createDatabase(gateway)).list(), [{ name: 'editor', users: 0 }])
    const twice = await t.throwsAsync(sql(command, `INSERT INTO role (name) VALUES ('editor')`))
    t.true(isUniqueViolation(twice))
    await t.throwsAsync(sql(command, 'SELECT nothing'), {
      code: '42703',
      message: /"nothing" does not exist/,
    })
    const client = await createDatabase(command).prisma()
    await t.throwsAsync(
      client.$transaction([
        client.role.create({ data: { name: 'one' } }),
        client.role.create({ data: { name: 'one' } }),
      ]),
      { code: 'P2002' },
    )
    t.is(await countRoles(gateway), 1)
  },
)

test.serial(
  'a transaction of a command is committed or rolled back as a whole, and the gateway waits for its end',
  async (t) => {
    const { gateway, command } = await connectCommand(t)
    const add = `INSERT INTO role (name) VALUES ('new')`
    let waiting: Promise<unknown> | undefined
    await t.throwsAsync(
      command.transact(async (transaction) => {
        await transaction.execute(add)
        t.deepEqual(await transaction.query({ name: '', text: 'SELECT name FROM role' }, []), [
          { name: 'new' },
        ])
        waiting = countRoles(gateway)
        throw new Error('changed my mind')
      }),
      { message: 'changed my mind' },
    )
    t.is(await waiting, 0)
    let left = 1
    const work = async (transaction: { execute(script: string): Promise<void> }) => {
      if (left-- === 0) return null
      await transaction.execute(add)
      return 'added'
    }
    t.deepEqual(await command.transact(work), ['added'])
    t.is(await countRoles(gateway), 1)
    const aborted = command.transact(async (transaction) => {
      await transaction.execute('SELECT nothing').catch(() => {})
      return 'committed'
    })
    await t.throwsAsync(aborted)
  },
)

test.serial('gateway and command hear of the changes of each other', async (t) => {
  const { gateway, command } = await connectCommand(t)
  const heard: string[] = []
  const listen = (name: string, connection: Connection) =>
    new Promise<ReturnType<Connection['listen']>>((resolve, reject) => {
      const subscription = connection.listen('news', {
        onMessage: (message) => heard.push(`${name} ${message}`),
        onReconnect: () => resolve(subscription),
        onDisconnect: reject,
      })
    })
  const subscriptions = [await listen('gateway', gateway), await listen('command', command)]
  await sql(command, `SELECT pg_notify('news', 'one')`)
  t.true(heard.includes('gateway one'), 'before the statement is answered')
  await sql(gateway, `SELECT pg_notify('news', 'two')`)
  while (heard.length < 4) await turn()
  t.deepEqual(heard.sort(), ['command one', 'command two', 'gateway one', 'gateway two'])
  for (const subscription of subscriptions) await subscription.close()
})

test.serial(
  'kill -9 of a command in a transaction leaves the database to the gateway, without the changes',
  async (t) => {
    const { directory, gateway } = await openGateway(t)
    const script = fileURLToPath(new URL('_holding.js', import.meta.url))
    const child = spawn(process.execPath, [script, directory, release], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    await once(child.stdout, 'data')
    const waiting = countRoles(gateway)
    child.kill('SIGKILL')
    t.is(await waiting, 0)
    t.is(await gateway.exclusively(async () => 'free'), 'free')
    await gateway.close()
  },
)

test.serial(
  'a command fails with a lost connection when the gateway ends, also in a transaction',
  async (t) => {
    const { gateway, openCommand } = await openGateway(t)
    const command = await openCommand()
    const unfinished = command.transact(async (transaction) => {
      await transaction.execute(`INSERT INTO role (name) VALUES ('unfinished')`)
      await gateway.close()
      await transaction.execute('SELECT 1')
      return null
    })
    const message = /embedded database open has ended$/
    t.true(isAway(await t.throwsAsync(unfinished, { message })))
    t.true(isAway(await t.throwsAsync(sql(command, 'SELECT 1'), { message })))
    t.true(
      isAway(
        await t.throwsAsync(
          command.transact(async () => null),
          { message },
        ),
      ),
    )
    await command.close()
    const next = await openCommand()
    t.is(await countRoles(next), 0)
    await next.close()
  },
)

test.serial('work that excludes other processes runs in turns with the gateway', async (t) => {
  const { gateway, command } = await connectCommand(t)
  const steps: string[] = []
  const work = (connection: Connection, name: string) =>
    connection.exclusively(async () => {
      steps.push(name)
      await sql(connection, 'SELECT 1')
      steps.push(name)
    })
  await Promise.all([work(command, 'a'), work(gateway, 'b'), work(command, 'c'), work(gateway, 'd')])
  for (let at = 0; at < steps.length; at += 2) t.is(steps[at], steps[at + 1])
})

const short: Patience = { transaction: 1_000, lock: 20 }

test.serial('a command that is silent in a transaction loses it, and is told so', async (t) => {
  const { gateway, command } = await connectCommand(t, short)
  const failure = command.transact(async (transaction) => {
    await transaction.execute(`INSERT INTO role (name) VALUES ('here')`)
    t.is(await countRoles(gateway), 0, 'the gateway goes on')
    await transaction.execute(`INSERT INTO role (name) VALUES ('there')`)
    return null
  })
  const error = await t.throwsAsync(failure, {
    code: '57P05',
    message: /^The command did nothing in a transaction for 1 s, so the gateway has rolled it back\. Run/,
  })
  t.true(isAway(error))
  t.is(await countRoles(command), 0)
})

test.serial('a transaction of Prisma that is silent fails as an unavailable database', async (t) => {
  const { gateway, command } = await connectCommand(t, short)
  const client = await createDatabase(command).prisma()
  const add = (name: string) => ({ data: { name } })
  const silent = client.$transaction(async (tx) => {
    await tx.role.create(add('here'))
    t.is(await countRoles(gateway), 0, 'the gateway goes on')
    await tx.role.create(add('there'))
  })
  const error = await t.throwsAsync(silent, { code: 'database_unavailable' })
  t.regex(String((error as Error).cause), /did nothing in a transaction/)
  const uncommitted = client.$transaction(async (tx) => {
    await tx.role.create(add('here'))
    t.is(await countRoles(gateway), 0)
  })
  await t.throwsAsync(uncommitted, { code: 'database_unavailable' }, 'also when only the COMMIT fails')
  const failed = client.$transaction(async (tx) => {
    await tx.role.create(add('here'))
    t.is(await countRoles(gateway), 0)
    throw new Error('the pipe has ended')
  })
  await t.throwsAsync(failed, { message: 'the pipe has ended' })
  t.is(await countRoles(gateway), 0)
})

test.serial('a command that is silent with the lock loses it', async (t) => {
  const { client } = await connectCommand(t, short)
  await client.exclusively(async () => {
    t.is(await engine.exclusively(async () => 'free'), 'free')
  })
})

test.serial('bytes of another program end its connection, and nothing else', async (t) => {
  const { client, path } = await connectCommand(t)
  for (const bytes of ['GET / HTTP/1.1\r\n\r\n', Buffer.from([0, 0, 0, 3, 1, 2, 3])]) {
    const socket = await connected(path)
    const ended = once(socket, 'close')
    socket.resume().end(bytes)
    await ended
  }
  const channel = createChannel(await connected(path))
  channel.send({ kind: 'shutdown' })
  t.is(await channel.receive(), null)
  t.deepEqual((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }])
  t.false(engine.closed)
})

test.serial('a value of many megabytes passes', async (t) => {
  const { client } = await connectCommand(t)
  const text = 'ß'.repeat(5_000_000)
  const { rows } = await client.query<{ length: number; text: string }>(
    'SELECT length($1::text), $1::text AS text',
    [text],
  )
  t.is(rows[0]?.length, 5_000_000)
  t.true(rows[0]?.text === text)
})
