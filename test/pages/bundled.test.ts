import type { TestApp } from '../_app.ts'
import { startProcess } from '../_process.ts'
import test from '../_test.ts'
import { createFolder } from '../database/_databases.ts'
import { openCookieBrowser, plain, signUp } from './_cookie-browser.ts'

test('a page of a started process has the characters of its source', async (t) => {
  const url = 'http://gateway.test'
  const gateway = await startProcess({ AUTH_PUBLIC_URL: url }, await createFolder(t))
  t.teardown(() => gateway.stop('SIGKILL'))
  const call: TestApp['call'] = async (method, path, { headers = {}, raw } = {}) => {
    const answer = await fetch(gateway.url + path, {
      method,
      headers,
      redirect: 'manual',
      ...(raw !== undefined && { body: raw }),
    })
    return { status: answer.status, headers: answer.headers, text: await answer.text(), body: {} as never }
  }
  const browser = openCookieBrowser({ app: { call }, url })
  await signUp(browser, 'ada')
  t.regex(plain((await browser.get('/account')).text), /This browser · .*127\.0\.0\.1/)
})
