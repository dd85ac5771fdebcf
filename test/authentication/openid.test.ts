import test from '../_test.ts'
import { acmeUser, type OpenIdStage, signInAtAcme, startOpenIdStage } from './_openid.ts'

let stage: OpenIdStage
test.serial.before('start', async () => {
  stage = await startOpenIdStage()
})
test.after.always('stop', () => stage?.stop())

test.serial(
  'three variables make an OpenID provider, with route, button and entry in the list',
  async (t) => {
    const { app } = stage
    const user = acmeUser()
    const first = await signInAtAcme(stage, user)
    t.is(first.status, 200, first.text)
    t.like(first.body, { username: user.preferred_username, emailVerified: true, roles: ['user'] })
    t.is((await signInAtAcme(stage, user)).body.id, first.body.id)
    const providers = await app.get('/providers')
    t.like((providers.body as unknown as object[])[1], {
      name: 'acme-corp',
      label: 'Acme Corp',
      url: 'https://gateway.test/auth/acme-corp',
    })
    t.regex((await app.get('/signin', { accept: 'text/html' })).text, /Acme Corp/)
  },
)
