import { generateKeyPairSync } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'
import { signJws } from '../../src/tokens/jws.ts'
import test from '../_test.ts'

const payload = {
  name: 'Zoë "the 1st" 🙂',
  amr: ['pwd'],
  'https://hasura.io/jwt/claims': { 'x-hasura-allowed-roles': ['user'], 'x-hasura-user-id': 'a' },
  iss: 'https://auth.test',
  sub: 'a6cda7ff-5a3f-4a52-9f0e-0b5a6f0c1d2e',
  iat: 1_700_000_000,
  exp: 1_700_000_900,
}

for (const modulusLength of [2048, 3072]) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength })
  const header = { alg: 'RS256', typ: 'JWT', kid: `key-${modulusLength}` }

  test(`a token of a key of ${modulusLength} bits has the bytes of jose, and jose verifies it`, async (t) => {
    const token = await signJws(payload, { kid: header.kid, privateKey })
    t.is(token, await new SignJWT(payload).setProtectedHeader(header).sign(privateKey))
    const currentDate = new Date(payload.iat * 1000)
    const verified = await jwtVerify(token, publicKey, { algorithms: ['RS256'], currentDate })
    t.deepEqual(verified.protectedHeader, header)
    t.deepEqual(verified.payload, payload)
  })
}
