import { createRemoteJWKSet, jwtVerify } from 'jose'
import { appTest } from '../_app.ts'
import test from '../_test.ts'

const path = '/.well-known/openid-configuration'

test(
  'a service that knows only the issuer finds the keys, and verifies a token with them',
  appTest({}, async (t, app) => {
    const { token } = await app.signup('anna')
    const { body, headers } = await app.get<{ issuer: string; jwks_uri: string }>(path)
    t.deepEqual(Object.keys(body), [
      'issuer',
      'jwks_uri',
      'id_token_signing_alg_values_supported',
      'subject_types_supported',
      'response_types_supported',
    ])
    t.is(`${body.issuer}${path}`, `${app.config.publicUrl}${path}`)
    t.is(headers.get('cache-control'), 'public, max-age=300')
    const keys = createRemoteJWKSet(new URL(body.jwks_uri.replace(app.config.publicUrl, app.url)))
    const { payload } = await jwtVerify(token, keys, {
      issuer: body.issuer,
      audience: 'hasura',
      currentDate: app.clock.now,
    })
    t.is(payload.iss, body.issuer)
  }),
)

test(
  'without the public URL as issuer there is no document, because no verifier would accept it',
  appTest({ env: { AUTH_ISSUER: 'https://other.test' } }, async (t, app) => {
    t.is((await app.get(path)).status, 404)
    t.false(path in (await app.get<{ paths: object }>('/openapi.json')).body.paths)
  }),
)

test(
  'a page of an allowed origin may read the document',
  appTest({ env: { AUTH_CORS_ORIGINS: 'https://app.test' } }, async (t, app) => {
    const { headers } = await app.get(path, { Origin: 'https://app.test' })
    t.is(headers.get('access-control-allow-origin'), 'https://app.test')
  }),
)
