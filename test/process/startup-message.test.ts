import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { parseConfig } from '../../src/config/config.ts'
import { startupMessage } from '../../src/process/startup-message.ts'
import { type Cookies, cookieHeader, keepCookies } from '../_cookies.ts'
import { takeSigningKey } from '../_keys.ts'
import { findFreePort } from '../_postgres.ts'
import { startProcess } from '../_process.ts'
import test from '../_test.ts'
import { createFolder } from '../database/_databases.ts'
import { actionOf, tokenOf } from '../pages/_cookie-browser.ts'

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
  t.regex(closed, /^Sign in at http:\/\/localhost:8080\/signin\. .*npm run claimgate -- user create/m)
  t.notRegex(closed, /\/signup/)
  t.notRegex(await show({ AUTH_SIGNUP: 'false', AUTH_PAGES: 'false' }), /\/sign/)
  t.notRegex(await show({ AUTH_PASSWORD_API: 'false' }), /curl/)
})

test('the browser is sent to the public URL, where forms are accepted, and curl to this machine', async (t) => {
  const message = await show({ AUTH_PUBLIC_URL: 'https://auth.example.com' })
  t.regex(
    message,
    /in a browser at https:\/\/auth\.example\.com\/signup, or:\n {2}curl .* http:\/\/localhost:8080\/signup/,
  )
})

test('the printed page and the printed command sign a user up, also with another AUTH_PUBLIC_URL', async (t) => {
  const port = await findFreePort()
  const env = { PORT: String(port), AUTH_PUBLIC_URL: `http://127.0.0.2:${port}`, HOST: '0.0.0.0' }
  const gateway = await startProcess(env, await createFolder(t))
  t.teardown(() => gateway.stop('SIGKILL'))
  const output = gateway.output()
  const [, page = ''] = /in a browser at (\S+),/.exec(output) ?? []
  const cookies: Cookies = new Map()
  const form = await fetch(page, { headers: { Accept: 'text/html' } })
  keepCookies(cookies, form.headers)
  const text = await form.text()
  const fields = {
    csrf: tokenOf({ text }),
    username: 'anna',
    password: 'correct horse',
    confirmPassword: 'correct horse',
  }
  const sent = await fetch(new URL(actionOf({ text }), page), {
    method: 'POST',
    headers: {
      Accept: 'text/html',
      'Content-Type': 'application/x-www-form-urlencoded',
      Origin: new URL(page).origin,
      ...cookieHeader(cookies),
    },
    body: String(new URLSearchParams(fields)),
    redirect: 'manual',
  })
  t.is(sent.status, 303)
  const [command = ''] = /curl .*?}'/s.exec(output) ?? []
  const { stdout } = await promisify(execFile)('sh', ['-c', command.replace('curl', 'curl -s')])
  t.is(JSON.parse(stdout).username, 'test123')
})

test('the start shows a password that the policy accepts', async (t) => {
  t.regex(await show({ AUTH_PASSWORD_MIN_LENGTH: '30' }), /"password": "a long test password!{10}"/)
  t.regex(await show({ AUTH_PAGES: 'false' }), /^Try it:\n {2}curl/m)
})
