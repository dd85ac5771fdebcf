import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { GatewayError } from '../../src/errors.ts'
import { createRefreshTokens, type RefreshClaims } from '../../src/tokens/refresh-token.ts'
import test from '../_test.ts'

const tokens = createRefreshTokens([randomBytes(32)])
const others = createRefreshTokens([randomBytes(32)])
const invalid = { instanceOf: GatewayError, code: 'invalid_token' }

const claims: fc.Arbitrary<RefreshClaims> = fc.record({
  sessionId: fc.uuid(),
  counter: fc.oneof(fc.constantFrom(0, 1, 2 ** 31 - 1), fc.nat(2 ** 31 - 1)),
})

test('verify reads what sign wrote, for any session and counter', (t) => {
  fc.assert(
    fc.property(claims, (given) => {
      t.deepEqual(tokens.verify(tokens.sign(given)), given)
    }),
  )
})

test('a token is short, has URL-safe characters only, and is the same each time', (t) => {
  fc.assert(
    fc.property(claims, (given) => {
      const token = tokens.sign(given)
      t.regex(token, /^cgr_[\w-]{70}$/)
      t.is(tokens.sign({ ...given }), token)
    }),
  )
})

test('different sessions or counters have different tokens', (t) => {
  fc.assert(
    fc.property(claims, claims, (one, other) => {
      fc.pre(one.sessionId !== other.sessionId || one.counter !== other.counter)
      t.not(tokens.sign(one), tokens.sign(other))
    }),
  )
})

test('verify rejects a token with any one character changed', (t) => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. '
  const token = tokens.sign({ sessionId: '907f0dc7-1f0e-4f1e-9a55-0c1d2e3f4a5b', counter: 7 })
  for (let at = 0; at < token.length; at++) {
    for (const character of alphabet) {
      if (character === token[at]) continue
      const changed = token.slice(0, at) + character + token.slice(at + 1)
      t.throws(() => tokens.verify(changed), invalid, changed)
    }
  }
})

test('verify rejects a token with characters added or removed at any position', (t) => {
  fc.assert(
    fc.property(claims, fc.nat(73), fc.string({ minLength: 1, maxLength: 3 }), (given, at, more) => {
      const token = tokens.sign(given)
      t.throws(() => tokens.verify(token.slice(0, at) + more + token.slice(at)), invalid)
      t.throws(() => tokens.verify(token.slice(0, at) + token.slice(at + 1)), invalid)
    }),
  )
})

test('verify rejects a token signed with another key', (t) => {
  fc.assert(
    fc.property(claims, (given) => {
      t.throws(() => tokens.verify(others.sign(given)), invalid)
    }),
  )
})

test('verify rejects any text', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.base64String()), (text) => {
      t.throws(() => tokens.verify(text), invalid)
      t.throws(() => tokens.verify(`cgr_${text}`), invalid)
    }),
  )
})
