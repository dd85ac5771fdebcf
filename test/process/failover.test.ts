import { setTimeout as sleep } from 'node:timers/promises'
import { engines, patience, type SessionBody } from '../_app.ts'
import { ask, logIn, type Reply, signUp } from '../_client.ts'
import type { PostgresServer } from '../_postgres.ts'
import { awayLine, type GatewayProcess, startProcess } from '../_process.ts'
import { isLong } from '../_rounds.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { until } from '../_until.ts'
import { createFolder } from '../database/_databases.ts'
import { promote, startReplicated, startStandby, withClient } from '../database/_replication.ts'

/** The number of concurrent clients of each kind. */
const lines = 3

/** The results of the requests of all clients. */
type Ledger = {
  /** The session of a successful answer; null without one. */
  signUps: Map<string, SessionBody | null>
  /** The last session that each refreshing client received. */
  last: SessionBody[]
  /** The number of answers by status. */
  statuses: Map<number, number>
}

if (!engines.includes('server')) test('the launcher runs without a server', (t) => t.pass())
else {
  test('kill -9 of the primary and promotion of its synchronous standby lose no acknowledged write, give no stale answer, and end with a ready gateway', async (t) => {
    t.timeout(180_000)
    const servers = await startReplicated()
    if (servers === null) return t.pass('TEST_DATABASE_URL names a server that cannot be replicated')
    const { primary, standby } = servers
    t.teardown(primary.stop)
    t.teardown(standby.stop)
    const { url } = await startGateway(t, join(primary, standby))
    const [anna, bert] = [(await signUp(url, 'anna')).body, (await signUp(url, 'bert')).body]
    await withClient(primary.url, (client) =>
      client.query(`
        INSERT INTO role (name) VALUES ('editor');
        INSERT INTO user_role (user_id, role_id) SELECT '${anna.id}', id FROM role WHERE name = 'editor'`),
    )
    t.is(await actAs(url, anna, 'editor'), 200)
    t.is(await actAs(url, bert, 'user'), 200)
    const logOut = {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ refreshToken: bert.refreshToken }),
    }
    t.is((await fetch(`${url}/logout`, logOut)).status, 204)

    const alone = await startGateway(t, join(standby), awayLine)
    t.is(await readiness(alone.url), 503, 'a read-only server')
    await alone.stop()

    const load = await startLoad(url)
    await load.go(30)
    await primary.kill()
    await until(async () => (await readiness(url)) === 503)
    await load.go(30)
    t.deepEqual([await readiness(url), await actAs(url, anna, 'editor')], [503, 503])

    await promote(standby)
    const promotedAt = performance.now()
    await withClient(standby.url, (client) =>
      client.query(`DELETE FROM user_role USING role WHERE role.id = role_id AND name = 'editor'`),
    )
    const answers = new Set<number>()
    await until(async () => {
      answers.add(await actAs(url, anna, 'editor'))
      return (await readiness(url)) === 200
    })
    const seconds = (performance.now() - promotedAt) / 1000
    t.log(`ready ${seconds.toFixed(2)} s after the promotion`)
    if (isLong) t.true(seconds < 5)
    t.false(answers.has(200), 'a role that was removed before the request')
    t.is(await actAs(url, anna, 'editor'), 401)
    t.is(await actAs(url, anna, 'user'), 200)
    t.is(await actAs(url, bert, 'user'), 401, 'a session that had ended before')

    await load.go(30)
    const ledger = await load.end()
    t.log(ledger.statuses)
    t.deepEqual(
      [...ledger.statuses.keys()].filter((status) => ![200, 503].includes(status)),
      [],
    )
    await checkLedger(t, url, ledger)

    const returned = await startStandby(standby, { port: Number(new URL(primary.url).port) })
    t.teardown(returned.stop)
    await withClient(standby.url, (client) =>
      client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'claimgate%'`,
      ),
    )
    await until(async () => (await readiness(url)) === 200)
    t.is((await signUp(url, 'carl')).status, 200, 'the first host has become a standby')
    const restarted = await startGateway(t, join(primary, standby))
    t.is((await signUp(restarted.url, 'dora')).status, 200)
    t.is((await logIn(url, 'dora')).status, 200)
  })
}

/** Returns the URL of several servers. They have the same users and passwords, because one is a copy of the other. */
function join(...all: PostgresServer[]): string {
  const urls = all.map(({ url }) => new URL(url))
  const { username, password } = urls[0] as URL
  return `postgres://${username}:${password}@${urls.map(({ host }) => host)}/postgres`
}

async function startGateway(
  t: ExecutionContext,
  databaseUrl: string,
  line?: RegExp,
): Promise<GatewayProcess> {
  const env = {
    DATABASE_URL: databaseUrl,
    AUTH_SECRET: 'a secret that is only good for tests 0123456789',
    AUTH_DATABASE_TIMEOUT: String(patience),
    AUTH_REFRESH_GRACE: '300',
    // The counters are in an unlogged table, which is empty after a promotion.
    AUTH_RATE_LIMIT: 'on',
    AUTH_SIGNUP_ATTEMPTS: '1000000',
    AUTH_REFRESH_ATTEMPTS: '1000000',
    AUTH_ADDRESS_FAILURES: '1000000',
    AUTH_HASH_PER_ADDRESS: '1000',
  }
  const gateway = await startProcess(env, await createFolder(t), line)
  t.teardown(() => gateway.stop('SIGKILL'))
  return gateway
}

async function readiness(url: string): Promise<number> {
  return (await ask(`${url}/readyz`)).status
}

/** Returns the status of a webhook request of a user in a role. */
async function actAs(url: string, { token }: SessionBody, role: string): Promise<number> {
  const headers = { Authorization: `Bearer ${token}`, 'X-Hasura-Role': role }
  return (await ask(`${url}/webhook`, undefined, headers)).status
}

/** Starts clients that sign up, refresh and ask the webhook until `end`. */
async function startLoad(url: string) {
  const ledger: Ledger = { signUps: new Map(), last: [], statuses: new Map() }
  for (let line = 0; line < lines; line++) ledger.last.push((await signUp(url, `client${line}`)).body)
  let isEnding = false
  let answers = 0
  const count = <Body>(reply: Reply<Body>) => {
    answers++
    ledger.statuses.set(reply.status, (ledger.statuses.get(reply.status) ?? 0) + 1)
    return reply
  }
  const works: ((line: number, number: number) => Promise<unknown>)[] = [
    async (line, number) => {
      const username = `user-${line}-${number}`
      ledger.signUps.set(username, null)
      const { status, body } = count(await signUp(url, username))
      if (status === 200) ledger.signUps.set(username, body)
    },
    async (line) => count(await refresh(url, ledger, line)),
    async (line) => {
      const { token } = ledger.last[line] as SessionBody
      count(await ask(`${url}/webhook`, undefined, { Authorization: `Bearer ${token}` }))
    },
  ]
  const runs = Promise.all(
    works.flatMap((work) =>
      Array.from({ length: lines }, async (_, line) => {
        for (let number = 0; !isEnding; number++) {
          await work(line, number)
          // A client that got an error does not ask again at once.
          await sleep(5)
        }
      }),
    ),
  )
  return {
    /** Waits for as many more answers. */
    go: async (more: number) => {
      const enough = answers + more
      await until(() => answers >= enough)
    },
    end: async () => {
      isEnding = true
      await runs
      return ledger
    },
  }
}

/** Refreshes as a client does, with the last token received; without an answer that token stays the last. */
async function refresh(url: string, { last }: Ledger, line: number): Promise<Reply<SessionBody>> {
  const reply = await ask<SessionBody>(`${url}/token`, { refreshToken: last[line]?.refreshToken })
  if (reply.status === 200) last[line] = reply.body
  return reply
}

async function checkLedger(t: ExecutionContext, url: string, ledger: Ledger): Promise<void> {
  for (const [line] of ledger.last.entries())
    t.is((await refresh(url, ledger, line)).status, 200, `client ${line} has lost its session`)
  for (const [username, session] of ledger.signUps) {
    const login = await logIn(url, username)
    if (session) {
      t.is(login.body.id, session.id, `${username} got the answer of a sign-up`)
      t.is((await refresh(url, { ...ledger, last: [session] }, 0)).status, 200, username)
    } else if (login.status !== 200) {
      t.is(login.status, 401, username)
      t.is((await signUp(url, username)).status, 200, `${username} is half signed up`)
    }
  }
  t.true([...ledger.signUps.values()].some((session) => session !== null))
}
