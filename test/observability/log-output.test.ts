import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from '../_test.ts'

const program = fileURLToPath(new URL('_endings.js', import.meta.url))
const slowly = fileURLToPath(new URL('_slow-writes.js', import.meta.url))

for (const ending of ['its last work', 'process.exit', 'an uncaught error']) {
  test(`a process that ends with ${ending} loses no line of its log`, async (t) => {
    const child = spawn(process.execPath, [program, ending], { stdio: ['ignore', 'pipe', 'ignore'] })
    let output = ''
    for await (const chunk of child.stdout) output += chunk
    const lines = output.trimEnd().split('\n')
    // The last lines may overtake a write that the thread pool has not begun.
    t.deepEqual(
      lines.map((text) => JSON.parse(text).line).sort((a, b) => a - b),
      Array.from({ length: 1_000 }, (_, line) => line),
    )
  })
}

test('no write to a slow reader is longer than a pipe takes as a whole', async (t) => {
  const child = spawn(process.execPath, [slowly], { stdio: ['ignore', 'ignore', 'pipe'] })
  let output = ''
  for await (const chunk of child.stderr) output += chunk
  const writes: { bytes: number; lines: number }[] = JSON.parse(output)
  t.is(
    writes.reduce((sum, { lines }) => sum + lines, 0),
    300,
  )
  t.deepEqual(
    writes.filter(({ bytes }) => bytes > 4096),
    [],
  )
})

test('a process whose log cannot be written says so once, and goes on', async (t) => {
  const full = openSync('/dev/full', 'w')
  const child = spawn(process.execPath, [program, 'its last work'], { stdio: ['ignore', full, 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  closeSync(full)
  const ended = once(child, 'close')
  let output = ''
  child.stderr?.on('data', (chunk) => {
    output += chunk
  })
  t.deepEqual(await ended, [0, null])
  t.is(output.split('The log ends').length - 1, 1)
  t.regex(output, /ENOSPC/)
})
