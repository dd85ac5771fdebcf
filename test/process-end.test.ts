import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { signUp } from './_client.ts'
import { runProcess, startProcess } from './_process.ts'
import { createFolder } from './database/_databases.ts'

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test.serial(
    `${signal} lets a login that has begun be answered, and then ends the process with 0`,
    async (t) => {
      const gateway = await startProcess({}, await createFolder(t))
      t.teardown(() => gateway.stop('SIGKILL'))
      await signUp(gateway.url, 'anna')
      const login = beginLogin(gateway.url)
      await login.begun
      const ended = gateway.stop(signal)
      while (!gateway.output().includes('"stopping"')) await sleep(5)
      const answer = await login.finish()
      t.regex(answer, /^HTTP\/1\.1 200 OK\r\n/)
      t.regex(answer, /\r\nconnection: close\r\n/i)
      t.regex(answer, /"username":"anna"/)
      t.deepEqual(await ended, { code: 0, signal: null })
      await t.throwsAsync(fetch(`${gateway.url}/healthz`))
    },
  )
}

test.serial('a port that is taken is named, with 1', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const { code, stdout, stderr } = await runProcess({ PORT: String(port) }, await createFolder(t))
  t.is(code, 1)
  t.regex(stderr, new RegExp(`^Claimgate did not start\\. .*127\\.0\\.0\\.1:${port}.*EADDRINUSE`))
  t.notRegex(stdout, /listens on/)
})

/** A login of anna of which the gateway has all but the last byte until `finish`, which answers with what it sends. */
function beginLogin(url: string) {
  const { hostname, port } = new URL(url)
  const body = JSON.stringify({ username: 'anna', password: 'correct horse' })
  const socket = connect(Number(port), hostname)
  socket.setEncoding('utf8')
  let received = ''
  socket.on('data', (chunk: string) => {
    received += chunk
  })
  socket.write(
    `POST /login HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`,
  )
  const begun = once(socket, 'data').then(() => {
    received = ''
    socket.write(body.slice(0, -1))
  })
  return {
    begun,
    finish: async () => {
      const ended = once(socket, 'close')
      socket.write(body.slice(-1))
      await ended
      return received
    },
  }
}
