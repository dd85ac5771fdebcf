import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createVerifiedTokens } from '../../src/tokens/verified-tokens.ts'
import test from '../_test.ts'

const makeKey = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
const key = makeKey()
const now = new Date('2026-01-01T00:00:00Z')
const bearer = { userId: 'u', sessionId: 's', expiresAt: now.getTime() / 1000 + 60, authTime: 0 }

function remember(keys: Map<string, KeyObject>, capacity?: number) {
  return createVerifiedTokens((kid) => keys.get(kid), capacity)
}

test('a verified token is found again, and only with identical bytes', (t) => {
  const tokens = remember(new Map([['k', key]]))
  tokens.add('a.b.c', 'k', bearer)
  t.is(tokens.find('a.b.c', now), bearer)
  t.is(tokens.find('a.b.C', now), undefined)
  t.is(tokens.find('a.b.c ', now), undefined)
})

test('a token is evicted in the second in which it expires', (t) => {
  const tokens = remember(new Map([['k', key]]))
  tokens.add('a.b.c', 'k', bearer)
  t.is(tokens.find('a.b.c', new Date(now.getTime() + 59_999)), bearer)
  t.is(tokens.find('a.b.c', new Date(now.getTime() + 60_000)), undefined)
})

test('a token is evicted when its key is no longer published, or the kid belongs to another key', (t) => {
  const keys = new Map([['k', key]])
  const tokens = remember(keys)
  tokens.add('a.b.c', 'k', bearer)
  keys.delete('k')
  t.is(tokens.find('a.b.c', now), undefined)
  keys.set('k', key)
  t.is(tokens.find('a.b.c', now), undefined)
  tokens.add('a.b.c', 'k', bearer)
  keys.set('k', makeKey())
  t.is(tokens.find('a.b.c', now), undefined)
})

test('a token of an unknown key, or without a kid, is not cached', (t) => {
  const tokens = remember(new Map())
  tokens.add('a.b.c', 'k', bearer)
  tokens.add('a.b.d', undefined, bearer)
  t.is(tokens.find('a.b.c', now), undefined)
  t.is(tokens.find('a.b.d', now), undefined)
})

test('the cache never exceeds its capacity in characters: the least recently used token is evicted first', (t) => {
  const tokens = remember(new Map([['k', key]]), 15)
  for (const token of ['a.a.a', 'b.b.b', 'c.c.c']) tokens.add(token, 'k', bearer)
  tokens.find('a.a.a', now)
  tokens.add('d.d.d', 'k', bearer)
  t.deepEqual(
    ['a.a.a', 'b.b.b', 'c.c.c', 'd.d.d'].map((token) => tokens.find(token, now) === bearer),
    [true, false, true, true],
  )
})
