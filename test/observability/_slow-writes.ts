import fs from 'node:fs'
import { createLog } from '../../src/observability/log.ts'

// Logs 300 lines to a standard output that takes each write slowly, and prints the size of each write.

const writes: { bytes: number; lines: number }[] = []
const { write } = fs
fs.write = Object.assign((...args: unknown[]) => {
  const [, text] = args
  writes.push({ bytes: Buffer.byteLength(String(text)), lines: String(text).split('\n').length - 1 })
  setTimeout(() => Reflect.apply(write, fs, args), 20)
}, write)

const log = createLog('info')
for (let line = 0; line < 300; line++) log.info({ line, name: line % 2 ? 'a'.repeat(300) : 'ä'.repeat(300) })
process.once('beforeExit', () => console.error(JSON.stringify(writes)))
