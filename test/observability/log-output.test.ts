import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import test from '../_test.ts'

const program = fileURLToPath(new URL('_endings.js', import.meta.url))

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
