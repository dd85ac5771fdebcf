import test, { type ExecutionContext } from 'ava'
import pg from 'pg'
import type { Connection } from '../../src/database/database.ts'
import { DeafError, openEar } from '../../src/database/listen-connection.ts'
import type { Listening } from '../../src/database/listener.ts'
import { connectServer } from '../../src/database/postgres.ts'
import { createServerDatabase, engines } from '../_app.ts'
import { until } from '../_until.ts'
import { startRelay } from '../http/_relay.ts'

const channel = 'test_channel'

type Stage = {
  url: string
  connection: Connection
  listening: Listening
  /** What was heard, and what happened to the ear. */
  heard: string[]
  /** Tells something on a connection of its own, and returns when that transaction has ended. */
  tell(message: string): Promise<unknown>
  /** The process id of the listening connection at the server. */
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
  // One of the tests has closed it already.
  t.teardown(() => connection.close().catch(() => {}))
  const heard: string[] = []
  const listening = connection.listen(channel, {
    heard: (message) => heard.push(message),
    lost: () => heard.push('lost'),
    back: () => heard.push('back'),
  })
  const findPid = async () => {
    const text = `SELECT pid FROM pg_stat_activity
      WHERE application_name = 'claimgate listener' AND datname = current_database()`
    return (await client.query(text)).rows[0]?.pid
  }
  const tell = (message: string) => client.query('SELECT pg_notify($1, $2)', [channel, message])
  return { url, connection, listening, heard, tell, findPid, client }
}

if (engines.includes('server')) {
  test('what was told before somebody asks has been heard when the answer is yes', async (t) => {
    const { url, listening, heard } = await startStage(t)
    await until(listening.isUp)
    const writers = await Promise.all([connectClient(t, url), connectClient(t, url), connectClient(t, url)])
    let missing = 0
    await Promise.all(
      writers.map(async (writer, number) => {
        for (let turn = 0; turn < 300; turn++) {
          const message = `${number} ${turn}`
          await writer.query('SELECT pg_notify($1, $2)', [channel, message])
          if (!(await listening.isCurrent()) || !heard.includes(message)) missing++
        }
      }),
    )
    t.is(missing, 0)
  })

  test('a connection that is cut is lost, nobody is told that it is current, and it comes back', async (t) => {
    const { listening, heard, tell, findPid, client } = await startStage(t)
    await until(listening.isUp)
    const pid = await findPid()
    await client.query('SELECT pg_terminate_backend($1)', [pid])
    await tell('unheard')
    const isCurrent = await listening.isCurrent()
    t.true(!isCurrent || heard.filter((each) => each === 'back').length === 2)
    await until(() => heard.filter((each) => each === 'back').length === 2)
    t.true(heard.indexOf('lost') > 0)
    t.not(await findPid(), pid)
    await tell('heard again')
    t.true(await listening.isCurrent())
    t.is(heard.at(-1), 'heard again')
  })

  test('a connection that went silent is not current, and is given up', async (t) => {
    const url = await createServerDatabase()
    const relay = await startRelay(url)
    t.teardown(relay.cut)
    const connection = connectServer(relay.url, () => {}, 1)
    t.teardown(() => connection.close())
    const heard: string[] = []
    const listening = connection.listen(channel, {
      heard: (message) => heard.push(message),
      lost: () => heard.push('lost'),
      back: () => heard.push('back'),
    })
    await until(listening.isUp)
    t.true(await listening.isCurrent())
    relay.swallow()
    t.false(await listening.isCurrent())
    await until(() => heard.includes('lost'))
    t.false(listening.isUp())
    t.false(await listening.isCurrent())
    await relay.mend()
    await until(listening.isUp)
    t.true(await listening.isCurrent())
    t.is(heard.at(-1), 'back')
  })

  test('a server that is not there yet is listened to when it comes', async (t) => {
    const relay = await startRelay(await createServerDatabase())
    t.teardown(relay.cut)
    await relay.cut()
    const connection = connectServer(relay.url, () => {}, 1)
    t.teardown(() => connection.close())
    const heard: string[] = []
    const listening = connection.listen(channel, {
      heard: () => {},
      lost: () => heard.push('lost'),
      back: () => heard.push('back'),
    })
    await until(() => heard.includes('lost'))
    t.false(await listening.isCurrent())
    await relay.mend()
    await until(listening.isUp)
    t.is(heard.at(-1), 'back')
  })

  const settingsOf = (connectionString: string) => ({
    config: { connectionString },
    channel,
    patience: 1_000,
    timeout: 200,
    heartbeat: 50,
  })

  test('LISTEN that leads nowhere, as behind a pooler for transactions, is found out before it is believed', async (t) => {
    const settings = settingsOf(await createServerDatabase())
    const { signal } = new AbortController()
    const nowhere = { ...settings, tell: async () => {} }
    await t.throwsAsync(
      openEar(nowhere, () => {}, signal),
      { instanceOf: DeafError },
    )
  })

  test('an ear whose own words stop arriving is lost, as after the others have moved to another server', async (t) => {
    const url = await createServerDatabase()
    const client = await connectClient(t, url)
    let isMoved = false
    const tell = async (message: string) => {
      if (!isMoved) await client.query('SELECT pg_notify($1, $2)', [channel, message])
    }
    const ear = await openEar({ ...settingsOf(url), tell }, () => {}, new AbortController().signal)
    t.teardown(ear.close)
    t.true(await ear.isCurrent())
    isMoved = true
    t.true((await ear.lost) instanceof DeafError)
  })

  test('an ear whose words cannot be said, as while no connection is free, goes on, and is lost when they do not arrive', async (t) => {
    const url = await createServerDatabase()
    const client = await connectClient(t, url)
    let failures = 0
    let way: 'well' | 'fails' | 'nowhere' = 'well'
    const tell = async (message: string) => {
      if (way === 'fails') {
        failures++
        throw new Error('timeout exceeded when trying to connect')
      }
      if (way === 'well') await client.query('SELECT pg_notify($1, $2)', [channel, message])
    }
    const heard: string[] = []
    const listen = (message: string) => void heard.push(message)
    const ear = await openEar({ ...settingsOf(url), tell }, listen, new AbortController().signal)
    t.teardown(ear.close)
    let isLost = false
    void ear.lost.then(() => {
      isLost = true
    })
    way = 'fails'
    await until(() => failures >= 3)
    await client.query('SELECT pg_notify($1, $2)', [channel, 'a change'])
    t.true(await ear.isCurrent())
    t.deepEqual(heard, ['a change'])
    t.false(isLost)
    way = 'nowhere'
    t.true((await ear.lost) instanceof DeafError)
  })

  test('an ear whose words cannot be said is lost when its own connection is silent too', async (t) => {
    const url = await createServerDatabase()
    const relay = await startRelay(url)
    t.teardown(relay.cut)
    const client = await connectClient(t, url)
    let isAway = false
    const tell = async (message: string) => {
      if (isAway) throw new Error('timeout exceeded when trying to connect')
      await client.query('SELECT pg_notify($1, $2)', [channel, message])
    }
    const settings = { ...settingsOf(relay.url), tell }
    const ear = await openEar(settings, () => {}, new AbortController().signal)
    t.teardown(ear.close)
    isAway = true
    relay.swallow()
    t.regex(String(await ear.lost), /does not answer/)
  })

  test('closing ends the connection, and nothing is current any more', async (t) => {
    const { connection, listening, heard, findPid } = await startStage(t)
    await until(listening.isUp)
    await connection.close()
    t.false(await listening.isCurrent())
    t.false(listening.isUp())
    t.deepEqual(heard, ['back'], 'what is closed is not lost')
    await until(async () => (await findPid()) === undefined)
  })

  test('closing does not wait for a server that is not there', async (t) => {
    const relay = await startRelay(await createServerDatabase())
    t.teardown(relay.cut)
    relay.swallow()
    const connection = connectServer(relay.url, () => {}, 60)
    let losses = 0
    const listening = connection.listen(channel, { heard: () => {}, lost: () => losses++, back: () => {} })
    await connection.close()
    t.false(listening.isUp())
    t.is(losses, 0, 'what is closed is not lost')
  })
} else {
  test('only a server is listened to over a connection', (t) => t.pass())
}
