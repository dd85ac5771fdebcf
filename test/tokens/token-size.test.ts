import { createHasuraClaims } from '../../src/claims/hasura-claims.ts'
import { warnOfLength } from '../../src/http/header-size.ts'
import { findGrants, findMostGrants } from '../../src/stores/access.ts'
import { estimateLength } from '../../src/tokens/access-token.ts'
import { quick, startApp } from '../_app.ts'
import test from '../_test.ts'

const give = `WITH made AS (
    INSERT INTO role (name) SELECT 'a role with quite a long name ' || n FROM generate_series($2::int, $3::int) n RETURNING id)
  INSERT INTO user_role (user_id, role_id) SELECT $1, id FROM made`

test('a token that proxies or this gateway reject is issued with a warning, and its length is known before', async (t) => {
  const app = await startApp({ engine: quick })
  t.teardown(() => app.close())
  const { id } = await app.signup('anna')
  const warnings = () => app.logs.flatMap(({ level, msg }) => (level === 40 ? [String(msg)] : []))
  t.deepEqual(warnings(), [])
  const known = { accepted: [] as boolean[], lengths: [] as number[] }
  for (const [first, last] of [
    [1, 200],
    [201, 500],
  ]) {
    await app.sql(give, [id, first, last])
    const { token } = (await app.login('anna')).body
    const grants = await findGrants(app.gateway.database, id)
    const most = await findMostGrants(app.gateway.database)
    t.deepEqual(most?.roles.length, grants?.roles.length)
    if (!grants) return t.fail()
    const length = estimateLength('anna', createHasuraClaims(grants, app.config.roles), app.config)
    t.true(length >= token.length && length < token.length + 600, `${length} ${token.length}`)
    known.lengths.push(length)
    const answer = await app.get('/user', { Authorization: `Bearer ${token}` })
    known.accepted.push(answer.status === 200)
  }
  t.deepEqual(known.accepted, [true, false])
  t.regex(warnings()[0] ?? '', /many proxies reject a header of more than 8192 bytes/)
  t.regex(warnings()[1] ?? '', /this gateway rejects it, with 431/)
  t.deepEqual(
    known.lengths.map((length) => warnOfLength(length)?.includes('431')),
    [false, true],
  )
})

test('a token of a usual size has no warning', (t) => {
  t.is(warnOfLength(8_000), undefined)
})
