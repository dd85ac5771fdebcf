import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { root, type SessionBody } from '../_app.ts'
import { type GatewayProcess, nodeFlags } from '../_process.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { ask, createDeployment, signIn, type TestDeployment } from './_command.ts'

const main = fileURLToPath(new URL('dist/src/cli/main.js', root))
const password = 'correct horse'

let d: TestDeployment
let gateway: GatewayProcess
let ada: SessionBody
test.before('start', async () => {
  d = await createDeployment('embedded')
  gateway = await d.gateway({ AUTH_WEBHOOK_CACHE: '1' })
  const body = { username: 'ada', password, confirmPassword: password }
  ada = (await ask<SessionBody>(gateway, '/signup', { body })).body
})
test.after.always('stop', async () => {
  await gateway?.stop()
  await d?.close()
})

/** Asks the webhook of the running gateway for a role of ada. Returns the status and the role. */
async function askWebhook(role: string): Promise<[number, string | undefined]> {
  const headers = { Authorization: `Bearer ${ada.token}`, 'X-Hasura-Role': role }
  const { status, body } = await ask<Record<string, string> | null>(gateway, '/webhook', {
    body: { headers },
  })
  return [status, body?.['X-Hasura-Role']]
}

test.serial('a role that a command creates and grants reaches the running gateway at once', async (t) => {
  t.deepEqual(await askWebhook('editor'), [401, undefined])
  t.is((await d.run('role create editor', { asProcess: true })).code, 0)
  t.like(await d.json('role grant ada editor'), { changed: true })
  t.deepEqual(await askWebhook('editor'), [200, 'editor'])
  await d.json('claims set ada org-id acme')
  await d.json('role revoke ada editor')
  t.deepEqual(await askWebhook('editor'), [401, undefined])
  t.is((await d.json('role list')).roles.length, 1)
})

test.serial('a command ends the access of a user at the running gateway', async (t) => {
  t.is((await d.json('user list')).users.length, 1)
  t.deepEqual(await askWebhook('user'), [200, 'user'])
  t.like(await d.json('user deactivate ada'), { changed: true })
  t.deepEqual(await askWebhook('user'), [401, undefined])
  const { status } = await ask(gateway, '/login', { body: { username: 'ada', password } })
  t.is(status, 401)
  await d.json('user activate ada')
  ada = await signIn(gateway, 'ada')
})

test.serial('keys, sessions, migrations and the doctor work beside the gateway', async (t) => {
  t.is((await d.json('keys list')).keys.length, 1)
  t.like(await d.json('keys rotate'), { state: 'next' })
  t.is((await d.json('session list ada')).sessions.length, 1)
  t.is((await d.json('migrate --status')).pending, 0)
  const { checks } = JSON.parse((await d.run('doctor --json')).stdout)
  for (const name of ['database', 'notifications', 'clock', 'keys'])
    t.like(
      checks.find((check: { name: string }) => check.name === name),
      { status: 'ok' },
    )
})

test.serial('ten commands at once run while users sign in', async (t) => {
  const commands = Array.from({ length: 10 }, (_, n) => d.json(`role create role-${n}`, { asProcess: n < 3 }))
  const logins = Array.from({ length: 10 }, () => signIn(gateway, 'ada'))
  await Promise.all([...commands, ...logins])
  t.is((await d.json('role list')).roles.length, 11)
})

test.serial('only its user can use the socket in the data directory', async (t) => {
  const data = join(d.cwd, 'data')
  const [name = ''] = (await readdir(data)).filter((each) => each.startsWith('lock-'))
  t.is((await stat(join(data, name))).mode & 0o777, 0o600)
  t.is((await stat(data)).mode & 0o777, 0o700)
})

/** Starts a gateway, and an import beside it that waits for the end of its input in a transaction. */
async function beginImport(t: ExecutionContext) {
  const empty = await createDeployment('embedded')
  t.teardown(() => empty.close())
  const other = await empty.gateway()
  t.teardown(() => other.stop('SIGKILL'))
  const lines = await exportOf(3000)
  const args = [...nodeFlags, main, 'import', 'claimgate', '-', '--without-sessions']
  const env = { PATH: process.env.PATH ?? '', ...empty.env }
  const child = spawn(process.execPath, args, { cwd: empty.cwd, env })
  t.teardown(() => child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  child.stdin.on('error', () => {})
  child.stdin.write(`${lines.slice(0, -1).join('\n')}\n`)
  const waits = (signal: AbortSignal) =>
    fetch(`${other.url}/readyz`, { signal }).then(
      () => false,
      () => true,
    )
  while (!(await waits(AbortSignal.timeout(300)))) await sleep(10)
  const ended = once(child, 'close')
  const signUp = () =>
    ask(other, '/signup', { body: { username: 'bob', password, confirmPassword: password } })
  const users = async () =>
    (await empty.json('user list')).users.map(({ username }: { username: string }) => username)
  return { child, ended, last: lines.at(-1) ?? '', stderr: () => stderr, signUp, users }
}

test.serial(
  'kill -9 of a command in a transaction leaves nothing of it, and the gateway goes on',
  async (t) => {
    const { child, ended, signUp, users } = await beginImport(t)
    child.kill('SIGKILL')
    await ended
    t.is((await signUp()).status, 200)
    t.deepEqual(await users(), ['bob'])
  },
)

test.serial(
  'a command that hangs in a transaction loses it, ends with 69 and says why; the gateway goes on',
  async (t) => {
    const { child, ended, last, stderr, signUp, users } = await beginImport(t)
    t.is((await signUp()).status, 200)
    child.stdin.end(`${last}\n`)
    t.is((await ended)[0], 69)
    t.regex(
      stderr(),
      /^claimgate: Database unavailable: The command did nothing in a transaction for 5 s, .*\n$/,
    )
    t.deepEqual(await users(), ['bob'])
  },
)

test.serial('an export and an import of thousands of rows run beside a gateway', async (t) => {
  const other = await createDeployment('embedded')
  t.teardown(() => other.close())
  const running = await other.gateway()
  t.teardown(() => running.stop('SIGKILL'))
  const file = join(other.cwd, 'many.jsonl')
  const number = 4321
  await writeFile(file, `${(await exportOf(number)).join('\n')}\n`)
  const imported = await other.json('import claimgate many.jsonl --without-sessions', { asProcess: true })
  t.like(imported, { users: { imported: number } })
  t.is((await ask(running, '/login', { body: { username: 'user-7', password } })).status, 200)

  const { stdout } = await other.run('export', { asProcess: true })
  await other.run('export --output again.jsonl', { asProcess: true })
  const written = await readFile(join(other.cwd, 'again.jsonl'), 'utf8')
  t.is(stdout, written)
  t.is(written.match(/"table":"user"/g)?.length, number)
  t.deepEqual(
    (await readdir(join(other.cwd, 'data'))).filter((name) => name.startsWith('export')),
    [],
  )
})

test.serial(
  'a gateway that was killed leaves a socket that the next command and the next gateway replace',
  async (t) => {
    const other = await createDeployment('embedded')
    t.teardown(() => other.close())
    const socketsOf = async () =>
      (await readdir(join(other.cwd, 'data'))).filter((name) => name.startsWith('lock-'))
    await (await other.gateway()).stop('SIGKILL')
    t.is((await socketsOf()).length, 1)
    t.is((await other.run('role create editor', { asProcess: true })).code, 0)
    t.deepEqual(await socketsOf(), [])
    await (await other.gateway()).stop('SIGKILL')
    const next = await other.gateway()
    t.teardown(() => next.stop('SIGKILL'))
    t.is((await socketsOf()).length, 1)
    t.is((await other.json('role list')).roles.length, 1)
  },
)

/** Returns the lines of an export with a number of users, who are like ada. */
async function exportOf(number: number): Promise<string[]> {
  const lines = (await d.run('export')).stdout.trim().split('\n')
  const [header, ...rows] = lines.map((line) => JSON.parse(line))
  const { end, rows: counts } = rows.pop()
  const { row } = rows.find(({ table }) => table === 'user')
  const users = Array.from({ length: number }, (_, n) => ({
    table: 'user',
    row: { ...row, id: row.id.slice(0, -12) + String(n).padStart(12, '0'), username: `user-${n}` },
  }))
  const none = Object.fromEntries(Object.keys(counts).map((table) => [table, 0]))
  return [header, ...users, { end, rows: { ...none, user: number } }].map((value) => JSON.stringify(value))
}
