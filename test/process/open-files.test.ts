import { chmod, symlink, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { findOpenFiles } from '../../src/process/open-files.ts'
import test from '../_test.ts'
import { createFolder } from '../database/_databases.ts'

const { uid } = userInfo()

test('a file that its group or other users may read is warned of, with its mode and what to do', async (t) => {
  const path = join(await createFolder(t), '.env')
  await writeFile(path, 'AUTH_SECRET=x')
  for (const [mode, text] of [
    [0o644, '0644'],
    [0o640, '0640'],
    [0o604, '0604'],
    [0o444, '0444'],
  ] as const) {
    await chmod(path, mode)
    const [warning] = findOpenFiles([path, path], uid)
    t.like(warning, { name: path, detail: `may be read by other users of this machine (mode ${text})` })
    t.regex(warning?.cure ?? '', /chmod 600/)
    t.is(findOpenFiles([path, path], uid).length, 1)
  }
  for (const mode of [0o600, 0o400, 0o622]) {
    await chmod(path, mode)
    t.deepEqual(findOpenFiles([path], uid), [])
  }
})

test('a symbolic link is judged by its target', async (t) => {
  const folder = await createFolder(t)
  await writeFile(join(folder, 'target'), 'x', { mode: 0o644 })
  await symlink('target', join(folder, 'link'))
  t.is(findOpenFiles([join(folder, 'link')], uid).length, 1)
})

test('mounted secrets are not warned of: files of another user, and read-only file systems', async (t) => {
  const folder = await createFolder(t)
  const path = join(folder, 'secret')
  await writeFile(path, 'x', { mode: 0o644 })
  t.deepEqual(findOpenFiles([path], uid + 1), [])
  t.deepEqual(
    findOpenFiles([path], uid, () => true),
    [],
  )
  t.deepEqual(findOpenFiles([path], undefined), [], 'Windows has no such modes')
  t.deepEqual(findOpenFiles([folder, join(folder, 'missing')], uid), [])
})
