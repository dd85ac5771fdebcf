import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import test from 'ava'
import { createServerDatabase, engines, type SessionBody } from '../_app.ts'
import { startProcess } from '../_process.ts'

const rounds = 10
const clients = 6

async function post(url: string, body: object): Promise<SessionBody | null> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
    return response.ok ? ((await response.json()) as SessionBody) : null
  } catch {
    return null
  }
}

for (const engine of engines) {
  test(`${engine}: after kill -9 in the middle of refreshes every client's last token still works within the grace`, async (t) => {
    t.timeout(120_000)
    const cwd = await mkdtemp(join(tmpdir(), 'claimgate-kill-'))
    t.teardown(() => rm(cwd, { recursive: true, force: true }))
    const env = {
      AUTH_DATA_DIR: cwd,
      AUTH_SECRET: 'a secret that is only good for tests 0123456789',
      ...(engine === 'server' && { DATABASE_URL: await createServerDatabase() }),
    }
    let gateway = await startProcess(env, cwd)
    t.teardown(() => gateway.stop('SIGKILL'))
    const last = await Promise.all(
      Array.from({ length: clients }, async (_, n) => {
        const body = { username: `client${n}`, password: 'pass', confirmPassword: 'pass' }
        return (await post(`${gateway.url}/signup`, body))?.refreshToken as string
      }),
    )
    for (let round = 0; round < rounds; round++) {
      const refreshing = last.map(async (_, n) => {
        for (;;) {
          const answer = await post(`${gateway.url}/token`, { refreshToken: last[n] })
          if (answer === null) return
          last[n] = answer.refreshToken
        }
      })
      await pause(30 + Math.random() * 120)
      await gateway.stop('SIGKILL')
      await Promise.all(refreshing)
      gateway = await startProcess(env, cwd)
      const answers = await Promise.all(
        last.map((refreshToken) => post(`${gateway.url}/token`, { refreshToken })),
      )
      t.true(
        answers.every((answer) => answer !== null),
        `round ${round}`,
      )
      answers.forEach((answer, n) => {
        last[n] = answer?.refreshToken as string
      })
    }
  })
}
