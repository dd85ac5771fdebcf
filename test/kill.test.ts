import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { logIn, signUp } from './_client.ts'
import { startProcess } from './_process.ts'
import { createFolder } from './database/_databases.ts'

const rounds = 10

test('kill -9 amid sign-ups loses no user whose sign-up was answered, in ten rounds on one data directory', async (t) => {
  t.timeout(300_000)
  const folder = await createFolder(t)
  const answered: string[] = []
  for (let round = 0; round < rounds; round++) {
    const before = answered.length
    const gateway = await startProcess({}, folder)
    t.teardown(() => gateway.stop('SIGKILL'))
    const kill = async () => {
      await sleep(Math.random() * 20)
      await gateway.stop('SIGKILL')
    }
    let killed: Promise<void> | undefined
    const enough = 1 + Math.floor(Math.random() * 20)
    const signUps = async (line: number) => {
      for (let number = 0; ; number++) {
        const username = `user-${round}-${line}-${number}`
        if ((await signUp(gateway.url, username)).status !== 200) throw new Error(`no answer for ${username}`)
        answered.push(username)
        if (answered.length >= before + enough) killed ??= kill()
      }
    }
    // Each line of sign-ups ends when its connection does.
    await Promise.allSettled([0, 1, 2, 3, 4, 5].map(signUps))
    t.truthy(killed, `only ${answered.length - before} answers in round ${round}`)
    await killed
  }

  const gateway = await startProcess({}, folder)
  t.teardown(() => gateway.stop('SIGKILL'))
  for (const username of answered) {
    const { status, body } = await logIn(gateway.url, username)
    t.is(status, 200, username)
    t.is(body.username, username)
  }
})
