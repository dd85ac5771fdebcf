import type { Check } from '../../src/doctor/check.ts'
import test from '../_test.ts'
import { foreignHashes } from '../authentication/_foreign-hashes.ts'
import { createDeployment, type TestDeployment, thorough } from './_command.ts'

async function examine(d: TestDeployment): Promise<Check | undefined> {
  const { stdout } = await d.run('doctor --json')
  const { checks } = JSON.parse(stdout) as { checks: Check[] }
  return checks.find(({ name }) => name === 'password hashes')
}

test('doctor counts the users whose hash is not verified, with the reason, and shows no hash', async (t) => {
  const d = await createDeployment(thorough)
  t.teardown(() => d.close())
  const add = (hashes: string[], kind: string) =>
    d.sql(
      `INSERT INTO "user" (username, password) VALUES ${hashes.map((hash, at) => `('${kind} ${at}', '${hash}')`)}`,
    )
  const known = Object.values(foreignHashes)
  await add(known, 'known')
  await d.sql(`INSERT INTO "user" (username, password) VALUES ('none', NULL), ('empty', '')`)
  t.deepEqual(await examine(d), {
    name: 'password hashes',
    status: 'ok',
    detail: `users whose hash can be verified: ${known.length}`,
  })

  const django = foreignHashes['PBKDF2 of Django'] ?? ''
  const costly = [1, 2, 3].map((at) => django.replace('$1000$', '$9000000$').replace('$7XZ', `$7X${at}`))
  await add([...costly, '5f4dcc3b5aa765d61d8327deb882cf99', 'plain text'], 'bad')
  const check = await examine(d)
  t.is(check?.status, 'warning')
  t.is(
    check?.detail,
    'users whose hash cannot be verified: 3 (PBKDF2 iterations 9000000, at most 2000000), 2 (unknown format)',
  )
  for (const secret of [...costly, 'plain text', '5f4dcc']) t.false(d.transcript().includes(secret))
})
