import { createPublicKey } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { ask, logIn, readKids, signUp } from '../_client.ts'
import { makeDirectory } from '../_directory.ts'
import { readToken } from '../_hasura.ts'
import { type GatewayProcess, startProcess } from '../_process.ts'
import test from '../_test.ts'

let folder: string
let gateway: GatewayProcess
test.before('the first start, without configuration, in an empty folder', async () => {
  folder = await makeDirectory()
  gateway = await startProcess({}, folder)
})
test.after.always('stop', async () => {
  await gateway?.stop('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

test.serial('a start prints its address and its database', (t) => {
  const { port } = new URL(gateway.url)
  t.regex(
    gateway.output(),
    new RegExp(`^Claimgate listens on 127\\.0\\.0\\.1:${port} with the public URL http`, 'm'),
  )
  t.regex(gateway.output(), /^Database: embedded, in \.\/data$/m)
})

test.serial('the curl line that a start prints creates a user', async (t) => {
  const line = /curl -H 'Content-Type: application\/json' (\S+) \\\n\s+-d '(\{.*\})'$/m.exec(gateway.output())
  const [, url = '', body = '{}'] = line ?? []
  const { status, body: session } = await ask(url.replace('localhost', '127.0.0.1'), JSON.parse(body))
  t.is(status, 200)
  t.is(session.username, 'test123')
})

test.serial(
  'the HASURA_GRAPHQL_JWT_SECRETs that a start prints verify the tokens of that process',
  async (t) => {
    const [byUrl, byKey] = [...gateway.output().matchAll(/^ {2}(\{".*\})$/gm)].map(([, json = '']) =>
      JSON.parse(json),
    )
    const { token } = (await signUp(gateway.url, 'verified')).body
    const [kid = ''] = await readKids(gateway.url)
    const now = Math.floor(Date.now() / 1000)
    for (const { issuer, audience, allowed_skew: skew } of [byUrl, byKey]) {
      const keys = new Map([[kid, { publicKey: createPublicKey(byKey.key) }]])
      const { claims } = readToken(token, keys, { now, issuer, audience, skew })
      t.deepEqual(claims['x-hasura-allowed-roles'], ['user'])
    }
    t.is(byKey.type, 'RS256')
    const { pathname } = new URL(byUrl.jwk_url)
    const jwks = await ask<{ keys: object[] }>(gateway.url + pathname)
    t.is(jwks.body.keys.length, 1)
    t.like(jwks.body.keys[0], createPublicKey(byKey.key).export({ format: 'jwk' }))
  },
)

test.serial('a start prints the ways to sign in, and the providers without settings', (t) => {
  t.regex(gateway.output(), /POST http\S+\/login$/m)
  t.regex(
    gateway.output(),
    /^ {2}Not configured: apple, .*github, gitlab, google, .*x\.\n {4}Register http\S+\/auth\/<name>\/callback as callback URL,\n {4}then set AUTH_<NAME>_CLIENT_ID/m,
  )
})

test.serial(
  'a second start has the users and the key of the first, so an earlier token is valid',
  async (t) => {
    const before = await signUp(gateway.url, 'anna')
    const kids = await readKids(gateway.url)
    await gateway.stop()
    gateway = await startProcess({}, folder)
    t.deepEqual(await readKids(gateway.url), kids)
    const user = await ask(`${gateway.url}/user`, undefined, { Authorization: `Bearer ${before.body.token}` })
    t.is(user.status, 200)
    t.is(user.body.username, 'anna')
    const refreshed = await ask(`${gateway.url}/token`, { refreshToken: before.body.refreshToken })
    t.is(refreshed.status, 200)
    t.is((await logIn(gateway.url, 'anna')).body.id, before.body.id)
  },
)
