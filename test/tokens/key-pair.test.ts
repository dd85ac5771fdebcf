import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import {
  createKeyPair,
  parsePrivateKey,
  parsePublicKey,
  parsePublicKeys,
  thumbprint,
  toPublicJwk,
} from '../../src/tokens/key-pair.ts'
import { readJwks } from '../_hasura.ts'
import test from '../_test.ts'

// RFC 7638, section 3.1.
const example = {
  kty: 'RSA',
  n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
  e: 'AQAB',
}
const publicKey = createPublicKey({ key: example, format: 'jwk' })

test('the thumbprint of the RFC 7638 example key is the value in the RFC', (t) => {
  t.is(thumbprint(publicKey), 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
})

test('a key is published with exactly the members that Hasura knows, without a leading zero byte', (t) => {
  const jwk = toPublicJwk({ kid: 'k1', publicKey })
  t.deepEqual(jwk, { ...example, use: 'sig', alg: 'RS256', kid: 'k1' })
  t.deepEqual([...readJwks(JSON.stringify({ keys: [jwk] })).keys()], ['k1'])
})

test('the kid of a pair is the thumbprint of its public key, unless a kid is given', (t) => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pair = createKeyPair(privateKey)
  t.is(pair.kid, thumbprint(createPublicKey(privateKey)))
  t.is(createKeyPair(privateKey, 'mine').kid, 'mine')
  t.is(toPublicJwk(pair).d, undefined)
})

test('a key is read from PEM, also with its newlines written as \\n, and from PEM in base64', (t) => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  for (const type of ['pkcs1', 'pkcs8'] as const) {
    const pem = privateKey.export({ format: 'pem', type }).toString()
    const base64 = Buffer.from(pem).toString('base64')
    for (const spelling of [pem, pem.replaceAll('\n', '\\n'), pem.replaceAll('\n', '\r\n'), base64]) {
      t.true(parsePrivateKey(spelling).equals(privateKey))
    }
  }
  const spki = publicKey.export({ format: 'pem', type: 'spki' }).toString()
  const base64 = Buffer.from(spki).toString('base64')
  for (const spelling of [spki.replaceAll('\n', '\\n'), base64])
    t.true(parsePublicKey(spelling).equals(publicKey))
  t.is(parsePublicKeys(base64).length, 1)
  t.throws(() => parsePrivateKey('LS0tLS1CRUdJTiBub3RoaW5n'))
})
