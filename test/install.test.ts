import { execFile } from 'node:child_process'
import { copyFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { root } from './_app.ts'
import test from './_test.ts'
import { createFolder } from './database/_databases.ts'

const files = ['package.json', 'package-lock.json', '.npmrc']

test('npm ci finds the lock complete, and every package accepts this version of Node.js', async (t) => {
  const cwd = await createFolder(t)
  for (const name of files) await copyFile(fileURLToPath(new URL(name, root)), join(cwd, name))
  const args = ['ci', '--dry-run', '--offline', '--ignore-scripts', '--loglevel=warn']
  const { stdout, stderr } = await promisify(execFile)('npm', args, { cwd })
  t.regex(stdout, /added \d+ packages/)
  t.notRegex(stderr, /EBADENGINE/)
})

test('the lock names no registry', async (t) => {
  const { packages } = JSON.parse(await readFile(new URL('package-lock.json', root), 'utf8'))
  t.true(Object.keys(packages).length > 300)
  t.notRegex(JSON.stringify(packages), /"resolved":"http/)
})
