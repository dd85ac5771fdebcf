import { once } from 'node:events'
import { createServer } from 'node:net'
import { engines } from '../_app.ts'
import { runProcess, startProcess } from '../_process.ts'
import test from '../_test.ts'
import { createFolder } from '../database/_databases.ts'
import { createEnvironment } from './_workers.ts'

test.serial('problems of the workers’ configuration are reported once, with 78', async (t) => {
  const { code, stdout, stderr } = await runProcess(
    { WEB_CONCURRENCY: '2', PORT: '99999' },
    await createFolder(t),
  )
  t.is(code, 78)
  t.is(stdout, '')
  t.regex(
    stderr,
    /^Claimgate did not start\. [^\n]+\n {2}PORT [^\n]+\n {2}WEB_CONCURRENCY must be 1[^\n]+\n$/,
  )
})

if (engines.includes('server')) {
  test.serial('workers that cannot listen report it once, with 1', async (t) => {
    const other = createServer().listen(0, '127.0.0.1')
    t.teardown(() => other.close())
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const env = { ...(await createEnvironment()), PORT: String(port) }
    const { code, stdout, stderr } = await runProcess(env, await createFolder(t))
    t.is(code, 1)
    t.notRegex(stdout, /listens on/)
    t.regex(
      stderr,
      /^Claimgate did not start\. Cannot listen on 127\.0\.0\.1:\d+: [^\n]*EADDRINUSE[^\n]* or set PORT to another port\n$/,
    )
  })

  test.serial('workers with another secret than the deployment report it once, with 1', async (t) => {
    const env = await createEnvironment()
    const folder = await createFolder(t)
    const first = await startProcess({ ...env, WEB_CONCURRENCY: '1' }, folder)
    t.teardown(() => first.stop('SIGKILL'))
    const AUTH_SECRET = 'another secret, of a careless deployment 0123456789'
    const { code, stderr } = await runProcess({ ...env, AUTH_SECRET }, folder)
    t.is(code, 1)
    t.regex(
      stderr,
      /^Claimgate did not start\. The signing key \S+ in the database was encrypted with another AUTH_SECRET\. [^\n]+\n$/,
    )
  })
}
