import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { text } from 'node:stream/consumers'
import { createMigratedDatabase, engines } from '../_app.ts'
import { rounds } from '../_rounds.ts'
import test from '../_test.ts'
import { secret, startImport } from './_command.ts'
import { writeFiles } from './_files.ts'
import { query } from './_sources.ts'

// In `npm run test:long`, 100,000 users. Each file has more than 50 MB, and the heap less.
const total = rounds(8000, 100_000)
const filler = 'x'.repeat(rounds(7000, 1500))

type Shape = {
  source: string
  name: string
  start: string
  separator: string
  end: string
  row(n: number): string
}

const shapes: Shape[] = [
  {
    source: 'keycloak',
    name: 'realm.json',
    start: '{"realm":"demo","groups":[{"name":"staff","path":"/staff","realmRoles":["staff"]}],"users":[',
    separator: ',',
    end: '],"identityProviders":[]}\n',
    row: (n) =>
      JSON.stringify({
        id: `3f0b39cb-0a1b-4428-b36f-${String(n).padStart(12, '0')}`,
        username: `user${n}`,
        email: `user${n}@example.com`,
        enabled: true,
        groups: ['/staff'],
        attributes: { filler: [filler] },
      }),
  },
  {
    source: 'csv',
    name: 'users.csv',
    start: 'username,email,roles,filler\r\n',
    separator: '',
    end: '',
    row: (n) => `user${n},user${n}@example.com,staff,"${filler}"\r\n`,
  },
  {
    source: 'auth0',
    name: 'users.ndjson',
    start: '',
    separator: '',
    end: '',
    row: (n) =>
      `${JSON.stringify({ user_id: `auth0|${n}`, email: `user${n}@example.com`, app_metadata: { roles: ['staff'], filler } })}\n`,
  },
]

if (engines.includes('server')) {
  for (const { source, name, start, separator, end, row } of shapes) {
    test(`${source}: ${total} users are imported with a heap that the file does not fit into`, async (t) => {
      const { [name]: file = '' } = await writeFiles(t, { [name]: start })
      const stream = createWriteStream(file, { flags: 'a' })
      for (let n = 0; n < total; n++)
        if (!stream.write(`${n > 0 ? separator : ''}${row(n)}`)) await once(stream, 'drain')
      stream.end(end)
      await once(stream, 'close')

      const DATABASE_URL = await createMigratedDatabase()
      await query(DATABASE_URL, `INSERT INTO role (name) VALUES ('staff')`)
      const child = startImport([source, file, '--json'], {
        ...secret,
        DATABASE_URL,
        NODE_OPTIONS: '--max-old-space-size=40 --max-semi-space-size=4',
      })
      const [[code], stdout, stderr] = await Promise.all([
        once(child, 'exit'),
        text(child.stdout as NodeJS.ReadableStream),
        text(child.stderr as NodeJS.ReadableStream),
      ])
      // 1: the users have no password, and get the role user in addition.
      t.is(code, 1, stderr)
      t.like(JSON.parse(stdout), { users: { read: total, imported: total }, roles: { granted: total } })
    })
  }
} else {
  test('importing is tested with a server only', (t) => t.pass())
}
