import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../../src/errors.ts'
import { readSecretFiles, readSecretVariable } from '../../src/process/secret-files.ts'
import { runProcess } from '../_process.ts'
import test from '../_test.ts'
import { createFolder } from '../database/_databases.ts'

const secret = 'a secret that is only good for tests 0123456789'

test('a file is read without one line feed at its end, and with all other white space', async (t) => {
  const folder = await createFolder(t)
  const read = async (content: string | Uint8Array) => {
    const path = join(folder, 'secret')
    await writeFile(path, content)
    return readSecretFiles({ AUTH_SECRET_FILE: path }).get('AUTH_SECRET_FILE')
  }
  t.deepEqual(await read(secret), { content: secret })
  t.deepEqual(await read(`${secret}\n`), { content: secret })
  t.deepEqual(await read(`${secret}\r\n`), { content: secret })
  t.deepEqual(await read(` ${secret} \n\n`), { content: ` ${secret} \n` })
  t.deepEqual(await read('\n'), { problem: 'is empty' })
  t.deepEqual(await read(Buffer.from([0xff, 0xfe])), { problem: 'is not text in UTF-8' })
  t.deepEqual(await read('x'.repeat(65_537)), { problem: 'has more than 65536 bytes' })
})

test('a missing file, a folder and a device are problems, and only variables of secrets name files', async (t) => {
  const folder = await createFolder(t)
  await mkdir(join(folder, 'folder'))
  const files = readSecretFiles({
    AUTH_SECRET_FILE: join(folder, 'missing'),
    DATABASE_URL_FILE: join(folder, 'folder'),
    AUTH_ACTION_SECRET_FILE: '/dev/zero',
    AUTH_ISSUER_FILE: join(folder, 'missing'),
    OTHER_FILE: join(folder, 'missing'),
  })
  t.deepEqual(Object.fromEntries(files), {
    AUTH_SECRET_FILE: { problem: 'does not exist' },
    DATABASE_URL_FILE: { problem: 'is not a regular file' },
    AUTH_ACTION_SECRET_FILE: { problem: 'is not a regular file' },
  })
})

test("the commands read Hasura's admin secret from a file", async (t) => {
  const path = join(await createFolder(t), 'admin')
  await writeFile(path, 'an admin secret\n')
  const name = 'HASURA_GRAPHQL_ADMIN_SECRET'
  t.is(readSecretVariable(name, { [`${name}_FILE`]: path }), 'an admin secret')
  t.is(readSecretVariable(name, { [name]: 'another' }), 'another')
  t.is(readSecretVariable(name, {}), undefined)
  t.throws(() => readSecretVariable(name, { [`${name}_FILE`]: `${path}.not` }), { instanceOf: ConfigError })
})

test.serial('files that cannot be used end the start with 78 and one message', async (t) => {
  const folder = await createFolder(t)
  await writeFile(join(folder, 'short'), 'short-value')
  const { code, stderr } = await runProcess(
    { AUTH_SECRET_FILE: 'short', AUTH_ACTION_SECRET_FILE: 'no-such-file' },
    folder,
  )
  t.is(code, 78)
  t.regex(stderr, /^ {2}AUTH_SECRET_FILE \(the content of short\) must have at least 32 bytes/m)
  t.regex(stderr, /^ {2}AUTH_ACTION_SECRET_FILE names the file no-such-file, which does not exist$/m)
  t.notRegex(stderr, /short-value/)
})
