import { execFile } from 'node:child_process'
import { platform } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createHashThreads } from '../../src/authentication/hash-threads.ts'
import test from '../_test.ts'

const run = promisify(execFile)
const short = { kind: 'new bcrypt', password: 'x', cost: 4 } as const
const { compute } = createHashThreads({ size: 2 })

const claim =
  'hashes are computed by threads of a lower priority, which end when idle and load argon2 for hashes of argon2 only'
if (platform() === 'linux')
  test.serial(claim, async (t) => {
    const program = fileURLToPath(new URL('_hash-priorities.js', import.meta.url))
    const { stdout } = await run(process.execPath, [program])
    const { before, during, wereBusy, after, argon2 } = JSON.parse(stdout)
    t.deepEqual(before, [])
    t.true(wereBusy)
    t.is(during.length, 2)
    t.true(after.length > 0 && after.every((id: string) => during.includes(id)), `${after} of ${during}`)
    t.deepEqual(argon2, [false, true])
  })
else test.serial.skip(`${claim} (only Linux has a priority for each thread)`, () => {})

test.serial('a task that ends its thread throws, and the next task gets another thread', async (t) => {
  const cost = { memoryCost: 1, timeCost: 1, parallelism: 1 }
  const task = compute({ kind: 'new argon2id', password: 'x', cost })
  await t.throwsAsync(task, { any: true, message: /memory/i })
  t.regex(String(await compute(short)), /^\$2b\$04\$/)
})

test.serial('a hash that cannot be read is told from one that does not match', async (t) => {
  // The second one has surplus bits.
  for (const hash of ['*', `$argon2id$v=19$m=19456,t=2,p=1$${'b'.repeat(22)}$${'b'.repeat(43)}`])
    t.is(await compute({ kind: 'verify', password: 'x', hash }), null)
  const other = String(await compute(short))
  t.false(await compute({ kind: 'verify', password: 'y', hash: other }))
  t.true(await compute({ kind: 'verify', password: 'x', hash: other }))
})
