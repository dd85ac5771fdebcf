import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Check } from '../../src/doctor/check.ts'
import test from '../_test.ts'
import { shiftClock } from '../process/_shifted-clock.ts'
import { createDeployment, thorough } from './_command.ts'

test('on a machine that is two minutes ahead, commands use the database’s time, and the doctor tells it', async (t) => {
  // The embedded database has the clock of its process.
  if (thorough === 'embedded') return t.pass()
  const d = await createDeployment(thorough)
  t.teardown(d.close)
  const shifted = { asProcess: true, env: shiftClock(120) }
  await d.json('user create anna --password-stdin', { ...shifted, input: 'correct horse' })
  const { signsAt } = await d.json('keys rotate', shifted)
  const [seen] = await d.sql<Record<string, boolean>>(`SELECT
    '${signsAt}' <= clock_timestamp() + interval '1 second' AS "signsAt",
    (SELECT created_at <= clock_timestamp() FROM "user") AS "user",
    (SELECT created_at <= clock_timestamp() + interval '1 second' FROM signing_key) AS "key"`)
  t.deepEqual(seen, { signsAt: true, user: true, key: true })

  const { stdout } = await d.run('doctor --json', shifted)
  const { checks } = JSON.parse(stdout) as { checks: Check[] }
  const check = checks.find(({ name }) => name === 'clock')
  t.is(check?.status, 'failed')
  t.regex(check?.detail ?? '', /^the database is 1(19\.9|20\.0) s behind this machine$/)

  const tokens: string[] = []
  const hasura = createServer(({ url, headers }, response) => {
    const [, token] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? []
    if (token !== undefined) tokens.push(token)
    response.writeHead(url === '/v1/graphql' ? 200 : 401, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify({ data: { __typename: 'query_root' } }))
  }).listen(0, '127.0.0.1')
  await once(hasura, 'listening')
  t.teardown(() => hasura.close())
  const before = Math.floor(Date.now() / 1000)
  await d.run(`doctor --hasura http://127.0.0.1:${(hasura.address() as AddressInfo).port}`, shifted)
  const issued = tokens.map(
    (token) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).iat,
  )
  t.true(issued.length > 0)
  // Half the round trip of the measurement, and rounding.
  for (const iat of issued) t.true(iat >= before - 2 && iat <= Date.now() / 1000 + 2, String(iat - before))
})
