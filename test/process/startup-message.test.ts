import { parseConfig } from '../../src/config/config.ts'
import { startupMessage } from '../../src/process/startup-message.ts'
import { takeSigningKey } from '../_keys.ts'
import test from '../_test.ts'

const show = async (env: Record<string, string>) =>
  startupMessage(parseConfig(env), [], await takeSigningKey(2048), {
    version: { version: '1.2.3', schema: '0001_init' },
    port: 8080,
  })

test('the start shows a sign-up only where sign-up is open', async (t) => {
  const open = await show({})
  t.regex(
    open,
    /^Try it in a browser at http:\/\/localhost:8080\/signup, or:\n {2}curl .* http:\/\/localhost:8080\/signup/m,
  )
  const closed = await show({ AUTH_SIGNUP: 'false' })
  t.regex(closed, /^Sign in at http:\/\/localhost:8080\/signin\. .*claimgate user create/m)
  t.notRegex(closed, /\/signup/)
  t.notRegex(await show({ AUTH_SIGNUP: 'false', AUTH_PAGES: 'false' }), /\/sign/)
  t.notRegex(await show({ AUTH_PASSWORD_API: 'false' }), /curl/)
})

test('the start shows a password that the policy accepts', async (t) => {
  t.regex(await show({ AUTH_PASSWORD_MIN_LENGTH: '30' }), /"password": "a long test password!{10}"/)
  t.regex(await show({ AUTH_PAGES: 'false' }), /^Try it:\n {2}curl/m)
})
