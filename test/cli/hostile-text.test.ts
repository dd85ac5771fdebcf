import { readdirSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { createLog } from '../../src/observability/log.ts'
import { escapeControls } from '../../src/observability/terminal-text.ts'
import { root } from '../_app.ts'
import { runProcess } from '../_process.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { createFolder } from '../database/_databases.ts'
import { runInProcess } from './_in-process.ts'

// Sets a window title, moves the cursor, turns text around, and forges a line; C0, C1 and format characters.
const hostile = 'no\x1b]0;owned\x07 \x9b2J \u202egnorw \u2066x\u2028 \u{e0041} \r\nclaimgate: all is well'

/** Asserts that a text has no character that changes a terminal, and no forged line. */
function isHarmless(t: ExecutionContext, text: string): void {
  t.regex(text, /owned/)
  t.notRegex(text, /^claimgate: all is well/m)
  t.notRegex(text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
}

/** Starts a PostgreSQL server that rejects every connection with a hostile message. Returns its URL. */
async function startHostileServer(t: ExecutionContext): Promise<string> {
  const fields = `SFATAL\0C28000\0M${hostile}\0\0`
  const refusal = Buffer.concat([Buffer.from('E\0\0\0\0'), Buffer.from(fields)])
  refusal.writeInt32BE(refusal.length - 1, 1)
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(refusal))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `postgres://user@127.0.0.1:${(server.address() as AddressInfo).port}/app`
}

const secret = { AUTH_SECRET: 'a secret that is only good for tests 0123456789' }

test('import prints nothing of a hostile server raw, as text and as JSON', async (t) => {
  const url = await startHostileServer(t)
  const env = { ...secret, AUTH_DATA_DIR: `${await createFolder(t)}/data` }
  const text = await runInProcess(['import', 'seed', url], { env })
  t.is(text.code, 69)
  isHarmless(t, text.stderr)
  const json = await runInProcess(['import', 'seed', url, '--json'], { env })
  isHarmless(t, json.stderr)
  t.true(JSON.parse(json.stderr).error.message.includes('\x9b2J'))
})

test('a command prints nothing of a hostile database raw, as text and as JSON', async (t) => {
  const env = { ...secret, DATABASE_URL: await startHostileServer(t) }
  const text = await runInProcess(['user', 'list'], { env })
  t.is(text.code, 69)
  isHarmless(t, text.stderr)
  const json = await runInProcess(['user', 'list', '--json'], { env })
  isHarmless(t, json.stderr)
  t.is(JSON.parse(json.stderr).error.code, 'database_unavailable')
  isHarmless(t, (await runInProcess(['doctor'], { env })).stdout)
})

test('the start prints nothing of a hostile database raw', async (t) => {
  const env = { ...secret, DATABASE_URL: await startHostileServer(t) }
  const { code, stdout, stderr } = await runProcess(env, await createFolder(t))
  t.is(code, 1)
  isHarmless(t, stdout + stderr)
})

test('an argument of a command is not printed raw', async (t) => {
  isHarmless(t, (await runInProcess([hostile])).stderr)
  isHarmless(t, (await runInProcess(['import', 'seed', 'postgres://x', `--${hostile}`])).stderr)
  isHarmless(t, (await runInProcess(['keys', 'import', hostile], { env: secret })).stderr)
})

test('a log line has no character that changes a terminal, and stays JSON with the same content', (t) => {
  const lines: string[] = []
  const log = createLog('info', { write: (text) => void lines.push(text) })
  log.child({ name: hostile }).warn({ err: new Error(hostile.replace('\r\n', ' ')) }, hostile)
  const [line = ''] = lines
  isHarmless(t, line)
  t.is(line.indexOf('\n'), line.length - 1)
  t.like(JSON.parse(line), { name: hostile, msg: hostile })
})

test('escapes are the ones of JSON, and leave letters, symbols, line feeds and tabs as they are', (t) => {
  t.is(escapeControls('a\x1b\x7f\x9b\r\ud800'), 'a\\u001b\\u007f\\u009b\\u000d\\ud800')
  t.is(escapeControls('José 🐎\tß\n'), 'José 🐎\tß\n')
  t.is(JSON.parse(escapeControls(JSON.stringify({ hostile }, null, 2))).hostile, hostile)
})

test('the process and the command write to their streams by one function, apart from the progress of an import and an export, which a terminal does not get', (t) => {
  const files = ['src/main.ts', 'src/process/', 'src/cli/', 'src/import/'].flatMap((path) =>
    path.endsWith('/') ? readdirSync(new URL(path, root)).map((name) => path + name) : [path],
  )
  const writers = files.filter((path) =>
    /(?:stdout|stderr|stream)\.write\(|console\.\w+\(/.test(readFileSync(new URL(path, root), 'utf8')),
  )
  t.deepEqual(writers, ['src/cli/transfer-actions.ts', 'src/import/progress.ts'])
})
