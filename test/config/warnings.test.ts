import { randomBytes } from 'node:crypto'
import { parseConfig } from '../../src/config/config.ts'
import { findWarnings } from '../../src/config/warnings.ts'
import { rounds } from '../_rounds.ts'
import test from '../_test.ts'

/** Returns the names in the warnings about an environment. */
const warned = (env: Record<string, string>): string[] =>
  findWarnings(parseConfig(env)).map(({ name }) => name)

const good = { AUTH_PUBLIC_URL: 'https://auth.test', NODE_ENV: 'production' }

test('a trial on this machine and a deployment with https and NODE_ENV=production have no warning', (t) => {
  t.deepEqual(warned({}), [])
  t.deepEqual(warned({ AUTH_PUBLIC_URL: 'http://127.0.0.1:8080', AUTH_PASSWORD_POLICY: 'basic' }), [])
  t.deepEqual(warned(good), [])
})

test('a public URL of another host without TLS is warned of, whatever NODE_ENV is', (t) => {
  const env = { AUTH_PUBLIC_URL: 'http://auth.test' }
  t.deepEqual(warned(env), ['AUTH_PUBLIC_URL'])
  t.deepEqual(warned({ ...env, NODE_ENV: 'production' }), ['AUTH_PUBLIC_URL'])
})

test('a public https URL without NODE_ENV=production is warned of', (t) => {
  t.deepEqual(warned({ AUTH_PUBLIC_URL: 'https://auth.test' }), ['NODE_ENV'])
  t.deepEqual(warned({ ...good, NODE_ENV: 'development' }), ['NODE_ENV'])
})

test('in public, weak passwords and unlimited guesses are possible, with a warning', (t) => {
  t.deepEqual(warned({ ...good, AUTH_PASSWORD_POLICY: 'basic' }), ['AUTH_PASSWORD_POLICY'])
  t.deepEqual(warned({ ...good, AUTH_PASSWORD_MIN_LENGTH: '4' }), ['AUTH_PASSWORD_MIN_LENGTH'])
  t.deepEqual(warned({ ...good, AUTH_RATE_LIMIT: 'off' }), ['AUTH_RATE_LIMIT'])
  t.deepEqual(warned({ NODE_ENV: 'production', AUTH_PASSWORD_POLICY: 'basic' }), ['AUTH_PASSWORD_POLICY'])
})

test('a secret that can be guessed is warned of, by name and not by value', (t) => {
  const names = ['AUTH_SECRET', 'AUTH_PREVIOUS_SECRET', 'AUTH_ACTION_SECRET', 'AUTH_WEBHOOK_SECRET']
  for (const secret of [
    'a'.repeat(32),
    '0123456701234567012345670123456789'.slice(0, 32),
    'correct-horse-battery-correct-horse-battery-',
    'abcdefghijklmnopqrstuvwxyz0123456789',
    '9876543210zyxwvutsrqponmlkjihgfedcba',
    'PUT-THE-OUTPUT-OF-openssl-rand-base64-48-HERE',
    'trial-secret-that-everybody-knows-0123456789',
  ])
    for (const name of names) {
      const warnings = findWarnings(parseConfig({ ...good, [name]: secret }))
      t.deepEqual(
        warnings.map((warning) => warning.name),
        [name],
        secret,
      )
      t.false(JSON.stringify(warnings).includes(secret))
    }
})

test('the trial secret of docker-compose.yml is for this machine only', (t) => {
  t.deepEqual(warned({ AUTH_SECRET: 'trial-secret-that-everybody-knows-0123456789' }), [])
})

test('a random secret is not warned of, in hexadecimal, base64 or base64url', (t) => {
  for (let round = 0; round < rounds(40, 5000); round++)
    for (const encoding of ['hex', 'base64', 'base64url'] as const)
      t.deepEqual(warned({ ...good, AUTH_SECRET: randomBytes(24).toString(encoding) }), [])
})
