import { parseConfig } from '../../src/config/config.ts'
import { ConfigError } from '../../src/errors.ts'
import test from '../_test.ts'

const secret = { AUTH_SECRET: 'a secret that is only good for tests 0123456789' }
const urlOf = (env: Record<string, string>) => parseConfig({ ...secret, ...env }).databaseUrl

test('PGSSLMODE is the sslmode of a DATABASE_URL without one', (t) => {
  t.is(urlOf({ DATABASE_URL: 'postgres://a@h/d', PGSSLMODE: 'require' }), 'postgres://a@h/d?sslmode=require')
  t.is(
    urlOf({ DATABASE_URL: 'postgres://a@h/d?sslmode=disable', PGSSLMODE: 'require' }),
    'postgres://a@h/d?sslmode=disable',
  )
  t.is(urlOf({ DATABASE_URL: 'postgres://a@h/d' }), 'postgres://a@h/d')
})

test('an unknown sslmode is rejected in DATABASE_URL and in PGSSLMODE', (t) => {
  for (const env of [
    { DATABASE_URL: 'postgres://a@h/d?sslmode=nonsense' },
    { DATABASE_URL: 'postgres://a@h/d', PGSSLMODE: 'nonsense' },
  ]) {
    const error = t.throws(() => urlOf(env as Record<string, string>), { instanceOf: ConfigError })
    t.regex(
      error?.problems[0] ?? '',
      /must be one of disable, allow, prefer, require, no-verify, verify-ca, verify-full/,
    )
  }
})
