#!/usr/bin/env bash
# Copies an open PGlite database by dumpDataDir and by clone, and reopens a closed one.
#
# Guess: every copy has all rows, and the next value of a sequence is 4 after the values 1, 2 and 3. PGlite makes the copy
# itself, between two statements.
#
# Result (PGlite 0.5.16, Node 20.20.2): a copy is the image of a crash. Its unlogged tables are empty, and its sequences
# jump ahead by 30. After CHECKPOINT the sequence goes on with 4, and the unlogged table is still empty. A
# database that was closed and opened has all rows.
#
# Claimgate copies no open database: docs/how-to/backup.md stops the gateway first. The embedded mode keeps
# rate limits in memory, not in the unlogged table rate_limit.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --no-save --ignore-scripts --silent @electric-sql/pglite@0.5.16 > /dev/null
cat > copy.mjs <<'JS'
import { PGlite } from '@electric-sql/pglite'

async function report(name, database) {
  const { rows } = await database.query('SELECT (SELECT count(*)::int FROM fast) AS fast, (SELECT count(*)::int FROM safe) AS safe')
  const next = (await database.query("INSERT INTO safe (name) VALUES ('d') RETURNING id")).rows[0].id
  console.log(`${name}: unlogged rows ${rows[0].fast}, logged rows ${rows[0].safe}, next id ${next}`)
}

let database = await PGlite.create('database')
await database.exec('CREATE UNLOGGED TABLE fast (name text); CREATE TABLE safe (id serial, name text)')
for (const name of ['a', 'b', 'c']) {
  await database.query('INSERT INTO fast VALUES ($1)', [name])
  await database.query('INSERT INTO safe (name) VALUES ($1)', [name])
}
await report('dump', await PGlite.create({ loadDataDir: await database.dumpDataDir('none') }))
await report('clone', await database.clone())
await database.exec('CHECKPOINT')
await report('dump after CHECKPOINT', await PGlite.create({ loadDataDir: await database.dumpDataDir('none') }))
await database.close()
database = await PGlite.create('database')
await report('closed and opened', database)
await database.close()
process.exit(0)
JS
output=$(node copy.mjs)
echo "$output"
[ "$output" = 'dump: unlogged rows 0, logged rows 3, next id 34
clone: unlogged rows 0, logged rows 3, next id 34
dump after CHECKPOINT: unlogged rows 0, logged rows 3, next id 4
closed and opened: unlogged rows 3, logged rows 3, next id 4' ]
echo 'As described.'
