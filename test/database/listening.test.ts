import pg from 'pg'
import { parseConnectionString } from '../../src/database/connection-string.ts'
import type { Connection } from '../../src/database/database.ts'
import { NotificationsNotDeliveredError, openListenConnection } from '../../src/database/listen-connection.ts'
import type { Subscription } from '../../src/database/listener.ts'
import { connectServer } from '../../src/database/postgres.ts'
import { createRoute, openClient } from '../../src/database/server-client.ts'
import { createServerDatabase, engines } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { until } from '../_until.ts'
import { startRelay } from '../http/_relay.ts'

const channel = 'test_channel'

type Stage = {
  url: string
  connection: Connection
  subscription: Subscription
  /** What was heard, and what happened to the listener. */
  heard: string[]
  /** Sends a notification on a separate connection, and returns after its transaction has ended. */
  tell(message: string): Promise<unknown>
  /** Returns the server's process id of the listening connection. */
  findPid(): Promise<number>
  client: pg.Client
}

async function connectClient(t: ExecutionContext, url: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  await client.connect()
  t.teardown(() => client.end())
  return client
}

async function startStage(t: ExecutionContext): Promise<Stage> {
  const url = await createServerDatabase()
  const client = await connectClient(t, url)
  const connection = connectServer(url, () => {}, 1)
  // A test may have closed it already.
  t.teardown(() => connection.close().catch(() => {}))
  const heard: string[] = []
  const subscription = connection.listen(channel, {
    onMessage: (message) => heard.push(message),
    onDisconnect: () => heard.push('lost'),
    onReconnect: () => heard.push('back'),
  })
  const findPid = async () => {
    const text = `SELECT pid FROM pg_stat_activity
      WHERE application_name = 'claimgate listener' AND datname = current_database()`
    return (await client.query(text)).rows[0]?.pid
  }
  const tell = (message: string) => client.query('SELECT pg_notify($1, $2)', [channel, message])
  return { url, connection, subscription, heard, tell, findPid, client }
}

if (engines.includes('server')) {
  test('what was told before somebody asks has been heard when the answer is yes', async (t) => {
    const { url, subscription, heard } = await startStage(t)
    await until(subscription.isUp)
    const writers = await Promise.all([connectClient(t, url), connectClient(t, url), connectClient(t, url)])
    let missing = 0
    await Promise.all(
      writers.map(async (writer, number) => {
        for (let turn = 0; turn < 300; turn++) {
          const message = `${number} ${turn}`
          await writer.query('SELECT pg_notify($1, $2)', [channel, message])
          if (!(await subscription.isCaughtUp()) || !heard.includes(message)) missing++
        }
      }),
    )
    t.is(missing, 0)
  })

  test('a connection that is cut is lost, nobody is told that it is current, and it comes back', async (t) => {
    const { subscription, heard, tell, findPid, client } = await startStage(t)
    await until(subscription.isUp)
    const pid = await findPid()
    await client.query('SELECT pg_terminate_backend($1)', [pid])
    await tell('unheard')
    const isCaughtUp = await subscription.isCaughtUp()
    t.true(!isCaughtUp || heard.filter((each) => each === 'back').length === 2)
    await until(() => heard.filter((each) => each === 'back').length === 2)
    t.true(heard.indexOf('lost') > 0)
    t.not(await findPid(), pid)
    await tell('heard again')
    t.true(await subscription.isCaughtUp())
    t.is(heard.at(-1), 'heard again')
  })

  test('a connection that stops answering is not current, and is given up', async (t) => {
    const url = await createServerDatabase()
    const relay = await startRelay(url)
    t.teardown(relay.cut)
    const connection = connectServer(relay.url, () => {}, 1)
    t.teardown(() => connection.close())
    const heard: string[] = []
    const subscription = connection.listen(channel, {
      onMessage: (message) => heard.push(message),
      onDisconnect: () => heard.push('lost'),
      onReconnect: () => heard.push('back'),
    })
    await until(subscription.isUp)
    t.true(await subscription.isCaughtUp())
    // On a busy machine the first connection may have failed.
    heard.length = 0
    relay.swallow()
    t.false(await subscription.isCaughtUp())
    await until(() => heard.includes('lost'))
    t.false(subscription.isUp())
    t.false(await subscription.isCaughtUp())
    await relay.mend()
    await until(subscription.isUp)
    t.true(await subscription.isCaughtUp())
    t.is(heard.at(-1), 'back')
  })

  test('listening begins when an unreachable server comes', async (t) => {
    const relay = await startRelay(await createServerDatabase())
    t.teardown(relay.cut)
    await relay.cut()
    const connection = connectServer(relay.url, () => {}, 1)
    t.teardown(() => connection.close())
    const heard: string[] = []
    const subscription = connection.listen(channel, {
      onMessage: () => {},
      onDisconnect: () => heard.push('lost'),
      onReconnect: () => heard.push('back'),
    })
    await until(() => heard.includes('lost'))
    t.false(await subscription.isCaughtUp())
    await relay.mend()
    await until(subscription.isUp)
    t.is(heard.at(-1), 'back')
  })

  const settingsOf = (connectionString: string) => ({
    open: (signal: AbortSignal) => {
      const address = parseConnectionString(connectionString)
      return openClient({ address, route: createRoute(address), session: {} }, signal)
    },
    channel,
    patience: 1_000,
    timeout: 200,
    heartbeat: 50,
  })

  test('LISTEN without notifications, as behind a transaction pooler, is detected before it counts as current', async (t) => {
    const settings = settingsOf(await createServerDatabase())
    const { signal } = new AbortController()
    const nowhere = { ...settings, notify: async () => {} }
    await t.throwsAsync(
      openListenConnection(nowhere, () => {}, signal),
      { instanceOf: NotificationsNotDeliveredError },
    )
  })

  test('a listener whose own messages stop arriving disconnects, as after the others have moved to another server', async (t) => {
    const url = await createServerDatabase()
    const client = await connectClient(t, url)
    let isMoved = false
    const tell = async (to: string, message: string) => {
      if (!isMoved) await client.query('SELECT pg_notify($1, $2)', [to, message])
    }
    const listener = await openListenConnection(
      { ...settingsOf(url), notify: tell },
      () => {},
      new AbortController().signal,
    )
    t.teardown(listener.close)
    t.true(await listener.isCaughtUp())
    isMoved = true
    t.true((await listener.disconnected) instanceof NotificationsNotDeliveredError)
  })

  test('the probes of a listener reach no other process', async (t) => {
    const url = await createServerDatabase()
    const [client, other] = await Promise.all([connectClient(t, url), connectClient(t, url)])
    const heard: (string | undefined)[] = []
    other.on('notification', ({ payload }) => heard.push(payload))
    await other.query(`LISTEN ${channel}`)
    let probes = 0
    const notify = async (to: string, message: string) => {
      probes++
      await client.query('SELECT pg_notify($1, $2)', [to, message])
    }
    const listener = await openListenConnection(
      { ...settingsOf(url), notify },
      () => {},
      new AbortController().signal,
    )
    t.teardown(listener.close)
    await until(() => probes >= 3)
    await client.query('SELECT pg_notify($1, $2)', [channel, 'a change'])
    await until(() => heard.length > 0)
    t.deepEqual(heard, ['a change'])
  })

  test('a listener that cannot send, as while no connection is free, goes on, and disconnects when messages do not arrive', async (t) => {
    const url = await createServerDatabase()
    const client = await connectClient(t, url)
    let failures = 0
    let way: 'well' | 'fails' | 'nowhere' = 'well'
    const tell = async (to: string, message: string) => {
      if (way === 'fails') {
        failures++
        throw new Error('timeout exceeded when trying to connect')
      }
      if (way === 'well') await client.query('SELECT pg_notify($1, $2)', [to, message])
    }
    const heard: string[] = []
    const listen = (message: string) => void heard.push(message)
    const listener = await openListenConnection(
      { ...settingsOf(url), notify: tell },
      listen,
      new AbortController().signal,
    )
    t.teardown(listener.close)
    let isLost = false
    void listener.disconnected.then(() => {
      isLost = true
    })
    way = 'fails'
    await until(() => failures >= 3)
    await client.query('SELECT pg_notify($1, $2)', [channel, 'a change'])
    t.true(await listener.isCaughtUp())
    t.deepEqual(heard, ['a change'])
    t.false(isLost)
    way = 'nowhere'
    t.true((await listener.disconnected) instanceof NotificationsNotDeliveredError)
  })

  test('a listener that cannot send disconnects when its own connection is silent too', async (t) => {
    const url = await createServerDatabase()
    const relay = await startRelay(url)
    t.teardown(relay.cut)
    const client = await connectClient(t, url)
    let isAway = false
    const tell = async (to: string, message: string) => {
      if (isAway) throw new Error('timeout exceeded when trying to connect')
      await client.query('SELECT pg_notify($1, $2)', [to, message])
    }
    const settings = { ...settingsOf(relay.url), notify: tell }
    const listener = await openListenConnection(settings, () => {}, new AbortController().signal)
    t.teardown(listener.close)
    isAway = true
    relay.swallow()
    t.regex(String(await listener.disconnected), /does not answer/)
  })

  test('closing ends the connection, and nothing is current any more', async (t) => {
    const { connection, subscription, heard, findPid } = await startStage(t)
    await until(subscription.isUp)
    await connection.close()
    t.false(await subscription.isCaughtUp())
    t.false(subscription.isUp())
    t.deepEqual(heard, ['back'], 'what is closed is not lost')
    await until(async () => (await findPid()) === undefined)
  })

  test('closing does not wait for an unreachable server', async (t) => {
    const relay = await startRelay(await createServerDatabase())
    t.teardown(relay.cut)
    relay.swallow()
    const connection = connectServer(relay.url, () => {}, 60)
    let losses = 0
    const subscription = connection.listen(channel, {
      onMessage: () => {},
      onDisconnect: () => losses++,
      onReconnect: () => {},
    })
    await connection.close()
    t.false(subscription.isUp())
    t.is(losses, 0, 'what is closed is not lost')
  })
} else {
  test('only a server has a listening connection', (t) => t.pass())
}
