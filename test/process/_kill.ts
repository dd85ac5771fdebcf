import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { connectDatabase } from '../../src/database/open.ts'
import { createMigratedDatabase, type Engine, root, type SessionBody } from '../_app.ts'
import { ask, logIn, signUp } from '../_client.ts'
import { type FakeProvider, type GithubProfile, startFakeProvider } from '../_fake-provider.ts'
import { signInWithGithub } from '../_github-sign-in.ts'
import { type GatewayProcess, startProcess } from '../_process.ts'
import { createRandom } from '../_random.ts'
import { rounds } from '../_rounds.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { createFolder, sql } from '../database/_databases.ts'

const kills = rounds(3, 20)
/** The number of concurrent sign-ups, provider sign-ins and refreshes. */
const lines = 2

/** The sent requests, and the answered requests. */
type Ledger = {
  signUps: Map<string, SessionBody | null>
  visits: Map<string, { profile: GithubProfile; session: SessionBody | null }>
  /** The last refresh token that each refreshing client received. */
  last: string[]
}

/** Declares the random test of an engine; TEST_SEED repeats a run. */
export function declareKillTest(engine: Engine): void {
  test(`${engine}: kill -9 during sign-ups, provider sign-ins and refreshes, ${kills} times, loses no answered request and leaves no partial one`, async (t) => {
    t.timeout(300_000)
    const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
    t.log(`TEST_SEED=${seed}`)
    const random = createRandom(seed)
    const stage = await createStage(t, engine)
    const ledger: Ledger = { signUps: new Map(), visits: new Map(), last: [] }

    let gateway = await stage.start()
    for (let n = 0; n < lines; n++)
      ledger.last.push((await signUp(gateway.url, `client-${n}`)).body.refreshToken)
    for (let round = 0; round < kills; round++) {
      await runUntilKilled(gateway, stage.fake, ledger, round, random)
      gateway = await stage.start()
      await Promise.all(
        ledger.last.map(async (_, n) => {
          const { status } = await refresh(gateway, ledger, n)
          t.is(status, 200, `client ${n} has a dead session after round ${round}`)
        }),
      )
    }
    await checkSignUps(t, gateway, ledger)
    await checkVisits(t, gateway, stage.fake, ledger)
    await gateway.stop()
    const unusable = await stage.ask(
      `SELECT username FROM "user" u
       WHERE password IS NULL AND NOT EXISTS (SELECT FROM identity i WHERE i.user_id = u.id)`,
    )
    t.deepEqual(unusable, [], 'a user who cannot sign in')
    const doubled = await stage.ask('SELECT subject FROM identity GROUP BY subject HAVING count(*) > 1')
    t.deepEqual(doubled, [])
  })
}

/** Runs all kinds of requests, kills the process after some answers and a pause, and waits for its end. */
async function runUntilKilled(
  gateway: GatewayProcess,
  fake: FakeProvider,
  ledger: Ledger,
  round: number,
  random: () => number,
): Promise<void> {
  const enough = 1 + Math.floor(random() * 15)
  const moment = random() * 20
  let answers = 0
  let killed: Promise<unknown> | undefined
  const kill = async () => {
    await sleep(moment)
    return gateway.stop('SIGKILL')
  }
  const works: ((line: number, number: number) => Promise<unknown>)[] = [
    async (line, number) => {
      const username = `user-${round}-${line}-${number}`
      ledger.signUps.set(username, null)
      ledger.signUps.set(username, succeeded(await signUp(gateway.url, username)))
    },
    async (line, number) => {
      const login = `github-${round}-${line}-${number}`
      const emails = [{ email: `${login}@mail.test`, primary: true, verified: true }]
      const profile = { user: { id: ledger.visits.size + 1, login }, emails }
      ledger.visits.set(login, { profile, session: null })
      ledger.visits.set(login, {
        profile,
        session: succeeded(await signInWithGithub(gateway.url, fake, profile)),
      })
    },
    async (line) => succeeded(await refresh(gateway, ledger, line)),
  ]
  const runs = works.flatMap((work) =>
    Array.from({ length: lines }, async (_, line) => {
      for (let number = 0; ; number++) {
        await work(line, number)
        answers++
        if (answers >= enough) killed ??= kill()
      }
    }),
  )
  const outcomes = await Promise.allSettled(runs)
  // A client loop ends with its connection; any other reason is a failure.
  for (const { reason } of outcomes as PromiseRejectedResult[]) {
    if (!isCut(reason)) throw new Error(`${reason}\n${gateway.output()}`)
  }
  await killed
}

function isCut(error: unknown): boolean {
  return error instanceof TypeError && /fetch failed|terminated/.test(error.message)
}

function succeeded({ status, body }: { status: number; body: SessionBody }): SessionBody {
  if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`)
  return body
}

/** Refreshes as a client does, with the last token received; without an answer that token stays the last. */
async function refresh({ url }: GatewayProcess, { last }: Ledger, client: number) {
  const answer = await ask<SessionBody>(`${url}/token`, { refreshToken: last[client] })
  if (answer.status === 200) last[client] = answer.body.refreshToken
  return answer
}

async function checkSignUps(
  t: ExecutionContext,
  { url }: GatewayProcess,
  { signUps }: Ledger,
): Promise<void> {
  t.true(signUps.size > kills)
  for (const [username, session] of signUps) {
    const login = await logIn(url, username)
    if (session) {
      t.is(login.body.id, session.id, `${username} got the answer of a sign-up`)
      t.is((await ask(`${url}/token`, { refreshToken: session.refreshToken })).status, 200, username)
    } else if (login.status !== 200) {
      // Without an answer there is a user who can log in, or no user.
      t.is(login.status, 401, username)
      t.is((await signUp(url, username)).status, 200, `${username} is half signed up`)
    }
  }
}

async function checkVisits(
  t: ExecutionContext,
  { url }: GatewayProcess,
  fake: FakeProvider,
  { visits }: Ledger,
): Promise<void> {
  t.true(visits.size > kills)
  for (const [login, { profile, session }] of visits) {
    const again = await signInWithGithub(url, fake, profile)
    t.is(again.status, 200, login)
    if (session) {
      t.is(again.body.id, session.id, `${login} got the answer of a sign-in`)
      t.is((await ask(`${url}/token`, { refreshToken: session.refreshToken })).status, 200, login)
    }
  }
}

/** Creates one deployment for all rounds: its start, its provider, and queries to its database after a stop. */
async function createStage(t: ExecutionContext, engine: Engine) {
  const folder = await createFolder(t)
  const fake = await startFakeProvider()
  t.teardown(fake.stop)
  const databaseUrl = engine === 'server' ? await createMigratedDatabase() : undefined
  const env = {
    AUTH_DATA_DIR: folder,
    // Long limits: a busy machine is slow, and an error answer fails this test.
    AUTH_DATABASE_TIMEOUT: '30',
    AUTH_REFRESH_GRACE: '300',
    AUTH_SECRET: 'a secret that is only good for tests 0123456789',
    ...fake.github.environment,
    ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
  }
  return {
    fake,
    start: async () => {
      const gateway = await startProcess(env, folder)
      t.teardown(() => gateway.stop('SIGKILL'))
      return gateway
    },
    ask: async (text: string) => {
      const settings = { databaseUrl, dataDir: folder }
      const connection = await connectDatabase(settings, root, pino({ level: 'silent' }))
      return sql(connection, text).finally(() => connection.close())
    },
  }
}
