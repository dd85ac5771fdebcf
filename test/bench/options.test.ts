import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkNames, choose, findProgram, readOptions } from '../../bench/options.ts'
import test from '../_test.ts'

test('the benchmark has five rounds of three seconds, and all cases, unless the caller says otherwise', (t) => {
  t.deepEqual(readOptions([], {}), { effort: { seconds: 3, rounds: 5 }, cases: [] })
  t.deepEqual(
    readOptions(['--against', '../old', '--case', 'user,jwks', '--case', 'login'], {
      BENCH_SECONDS: '0.5',
      BENCH_ROUNDS: '1',
    }),
    { effort: { seconds: 0.5, rounds: 1 }, against: '../old', cases: ['user', 'jwks', 'login'] },
  )
  t.is(readOptions(['--size'], {}).only, 'size')
})

test('arguments that cannot be meant are rejected with the reason', (t) => {
  const rejected = (args: string[], message: RegExp, env = {}) =>
    t.throws(() => readOptions(args, env), { message })
  rejected(['--case', 'user'], /--case requires --against/)
  rejected(['--size', '--users'], /Only one of/)
  rejected(['--size', '--against', '.'], /Only one of/)
  rejected(['--fast'], /--fast/)
  rejected(['--against'], /--against/)
  for (const value of ['0', '-1', 'many', 'Infinity'])
    rejected([], /BENCH_ROUNDS: ".+" is not a positive number/, { BENCH_ROUNDS: value })
})

test('a checkout that does not exist or is not built is rejected with what to do', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'claimgate-checkout-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  t.throws(() => findProgram(join(folder, 'none')), { message: /none: the folder does not exist/ })
  t.throws(() => findProgram(folder), { message: /not built; run "npm ci && npm run build" there/ })
  mkdirSync(join(folder, 'dist/src'), { recursive: true })
  writeFileSync(join(folder, 'dist/src/main.js'), '')
  t.is(findProgram(folder), join(folder, 'dist/src/main.js'))
})

test('cases are chosen by name, in their own order; an unknown name is rejected with all names', (t) => {
  const all = { user: 1, jwks: 2, login: 3 }
  t.deepEqual(choose(all, []), [1, 2, 3])
  t.deepEqual(choose(all, ['login', 'user']), [1, 3])
  t.notThrows(() => checkNames(['user'], Object.keys(all)))
  t.throws(() => checkNames(['user', 'toString'], Object.keys(all)), {
    message: '--case toString: unknown; the cases are user, jwks, login',
  })
})
