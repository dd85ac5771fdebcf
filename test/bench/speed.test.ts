import { readFileSync } from 'node:fs'
import { loadCases } from '../../bench/against-load.ts'
import { otherCases } from '../../bench/against-other.ts'
import { writeHead } from '../../bench/compare.ts'
import { loadHead, otherHead } from '../../bench/result.ts'
import { root } from '../_app.ts'
import test from '../_test.ts'

const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
const speed = read('docs/explanation/speed.md')

test('docs/explanation/speed.md names every case, and has the tables as they are printed', (t) => {
  for (const name of Object.keys({ ...loadCases, ...otherCases })) t.true(speed.includes(`\`${name}\``), name)
  t.true(speed.includes(writeHead(loadHead)))
  t.true(speed.includes(writeHead(otherHead)))
})

test('the speed in the README is the beginning of rows in docs/explanation/speed.md', (t) => {
  const [, section = ''] = /\n## Speed\n(.*?)\n## /s.exec(read('README.md')) ?? []
  const rows = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
  t.true(rows.length > 5)
  for (const row of rows) t.true(speed.includes(`\n${row}`), row)
  for (const [value] of section.matchAll(/\d+ (?:ms|MiB)/g)) t.true(speed.includes(value), value)
})
