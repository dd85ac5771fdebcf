#!/usr/bin/env bash
# Sets statement_timeout in PGlite and runs a statement that takes longer.
#
# Guess: the statement is cancelled, as in PostgreSQL, or SET is an error because there is no signal to interrupt with.
#
# Result (PGlite 0.5.16, Node 20.20.2): SET succeeds, SHOW has the new value, and a statement of about a second is
# answered in full with a limit of 50 ms. No warning.
#
# Claimgate documents AUTH_DATABASE_TIMEOUT as a limit of a PostgreSQL server only, and sets none in the embedded
# database (src/database/postgres.ts).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --no-save --ignore-scripts --silent @electric-sql/pglite@0.5.16 > /dev/null
cat > limit.mjs <<'JS'
import { PGlite } from '@electric-sql/pglite'
const database = await PGlite.create()
await database.exec("SET statement_timeout = '50ms'")
const shown = (await database.query('SHOW statement_timeout')).rows[0].statement_timeout
const before = performance.now()
const [row] = (await database.query('SELECT count(*)::int AS rows FROM generate_series(1, 3000000)')).rows
const isLonger = performance.now() - before > 100
console.log(`shown ${shown}, rows ${row.rows}, longer than the limit ${isLonger}`)
await database.close()
process.exit(0)
JS
output=$(node limit.mjs)
echo "$output"
[ "$output" = 'shown 50ms, rows 3000000, longer than the limit true' ]
echo 'As described.'
