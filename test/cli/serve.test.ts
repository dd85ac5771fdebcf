import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { root } from '../_app.ts'
import { nodeFlags } from '../_process.ts'
import test from '../_test.ts'
import { createDeployment, type TestDeployment } from './_command.ts'

const main = fileURLToPath(new URL('dist/src/cli/main.js', root))

let d: TestDeployment
test.before('start', async () => {
  d = await createDeployment('embedded', { firstAsProcess: true })
})
test.after.always('stop', () => d?.close())

/** Runs a command line that serves, until its output matches `pattern`. */
async function start(args: string[], pattern: RegExp) {
  const env = { PATH: process.env.PATH ?? '', HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'silent', ...d.env }
  const child = spawn(process.execPath, [...nodeFlags, main, ...args], { cwd: d.cwd, env })
  const ended = once(child, 'close')
  let output = ''
  for await (const chunk of child.stdout) {
    output += chunk
    if (pattern.test(output)) break
  }
  const stop = async () => {
    child.kill('SIGTERM')
    return (await ended)[0]
  }
  return { output, stop }
}

test.serial('claimgate serve serves, and commands on the same data directory work meanwhile', async (t) => {
  const { output, stop } = await start(['serve'], /Sign-in:/)
  const port = /listens on 127\.0\.0\.1:(\d+)/.exec(output)?.[1]
  t.is((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200)
  t.deepEqual(await d.json('user list', { asProcess: true }), { users: [], next: null })
  t.is((await d.json('migrate --status')).pending, 0)
  t.deepEqual(await d.json('migrate'), { created: false, applied: [] })
  t.is(await stop(), 0)
  t.deepEqual(await d.json('user list'), { users: [], next: null })
})

test.serial('claimgate serve --json says where it is in one document', async (t) => {
  const { output, stop } = await start(['serve', '--json'], /\n/)
  const { port, publicUrl, database, hasuraJwtSecret } = JSON.parse(output)
  t.is((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200)
  t.is(publicUrl, 'http://localhost:0')
  t.is(database, 'embedded')
  t.is(hasuraJwtSecret.jwk_url, 'http://localhost:0/jwks')
  t.is(await stop(), 0)
})

test.serial('claimgate serve says in one line why it did not start', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  const { code, stderr } = await d.run('serve', { env: { PORT: String(port) } })
  t.is(code, 1)
  t.regex(
    stderr,
    /^claimgate: The gateway did not start\. Cannot listen on [^\n]+ EADDRINUSE[^\n]+ or set PORT to another port\n$/,
  )
  const refused = await d.failure('serve', { env: { AUTH_KEY_BITS: '1' } })
  t.like(refused, { code: 'configuration_invalid', exit: 78 })
})
