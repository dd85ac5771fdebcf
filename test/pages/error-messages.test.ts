import { loadPasswordPolicy } from '../../src/authentication/password-policy.ts'
import { loginBody } from '../../src/endpoints/login.ts'
import { createSignupSchema } from '../../src/endpoints/signup.ts'
import { type ErrorCode, errorTable, type FieldRule, fieldRules, GatewayError } from '../../src/errors.ts'
import { validate } from '../../src/http/validate.ts'
import { localizeErrors } from '../../src/pages/error-messages.ts'
import de from '../../src/pages/locales/de.ts'
import en from '../../src/pages/locales/en.ts'
import type { Texts } from '../../src/pages/texts.ts'
import test from '../_test.ts'

const locales: Record<string, Texts> = { en, de }
const signup = createSignupSchema({ passwordMinLength: 8, usernameAt: false })
const policy = await loadPasswordPolicy({
  passwordPolicy: 'strict',
  passwordWords: [],
  pages: null,
  publicUrl: 'https://auth.example.com',
  isBreached: async (p) => p.includes('leaked'),
})
const good = { username: 'ada', password: 'an unusual horse', confirmPassword: 'an unusual horse' }

const faulty: [what: string, fails: () => unknown][] = [
  ['nothing', () => validate(loginBody, {})],
  ['empty fields', () => validate(loginBody, { username: '', password: '' })],
  ['an empty name', () => validate(signup, { ...good, username: '' })],
  ['a short password', () => validate(signup, { ...good, password: 'short', confirmPassword: 'short' })],
  [
    'a very long password',
    () => validate(signup, { ...good, password: 'x'.repeat(1025), confirmPassword: 'x' }),
  ],
  ['a long name', () => validate(signup, { ...good, username: 'x'.repeat(256) })],
  ['a very long name', () => validate(signup, { ...good, username: 'x'.repeat(600) })],
  ['an invisible name', () => validate(signup, { ...good, username: 'a\u200bb' })],
  ['a name that cannot be stored', () => validate(signup, { ...good, username: 'a\0b' })],
  ['a name with a space at its end', () => validate(signup, { ...good, username: 'ada ' })],
  ['an address as name', () => validate(signup, { ...good, username: 'ada@example.com' })],
  ['two passwords', () => validate(signup, { ...good, confirmPassword: 'another' })],
  ['a common password', () => policy('password1', 'ada', 'password')],
  ['the name as password', () => policy('ada-lovelace-1', 'ada-lovelace', 'newPassword')],
  ['a password from a breach', () => policy('leaked some time ago', 'ada', 'newPassword')],
]
for (const [what, fails] of faulty) {
  test(`of ${what} every language says what is wrong, beside the field`, async (t) => {
    const error = (await t.throwsAsync(async () => fails(), { instanceOf: GatewayError })) as GatewayError
    for (const [language, texts] of Object.entries(locales)) {
      const { fields, text } = localizeErrors(error, { texts, language }, { secret: null })
      t.is(text, null)
      t.deepEqual(
        [...fields.keys()],
        error.errors?.map(({ field }) => field),
      )
      for (const [name, sentence] of fields) {
        t.not(sentence, texts.fieldMessages.invalid(texts.fields[name], ''), JSON.stringify(error.errors))
        t.notRegex(sentence, /undefined|\$| {2}/)
        const { limit, detail = '' } = error.errors?.find(({ field }) => field === name) ?? {}
        const [number] = /\d+(?= char)/.exec(detail) ?? []
        t.is(limit, number === undefined ? undefined : Number(number), 'the limit is that of the detail')
        if (number) t.true(sentence.includes(number), sentence)
      }
    }
  })
}

for (const rule of Object.keys(fieldRules) as FieldRule[]) {
  test(`every language has a sentence about a field that breaks the rule ${rule}`, (t) => {
    for (const [language, texts] of Object.entries(locales)) {
      const errors = [{ field: 'username', rule, limit: 4711, detail: 'is wrong' }]
      const error = new GatewayError('validation_failed', { errors })
      const { fields } = localizeErrors(error, { texts, language }, { secret: null })
      const sentence = fields.get('username') ?? ''
      t.regex(sentence, /^[A-Z].{10,}\.$/)
      t.is(sentence.includes('4711'), rule === 'too_short' || rule === 'too_long')
    }
  })
}

test('of every error there is a sentence in every language', (t) => {
  for (const [language, texts] of Object.entries(locales)) {
    for (const code of Object.keys(errorTable) as ErrorCode[]) {
      const { text, fields } = localizeErrors(new GatewayError(code), { texts, language }, null)
      t.regex(text ?? [...fields.values()].join(), /^[A-Z].{10,}[.:]$/, code)
    }
  }
})

const describe = (error: GatewayError, isSent: boolean, secret: 'currentPassword' | null = null) => {
  const { text, fields } = localizeErrors(error, { texts: en, language: 'en' }, isSent ? { secret } : null)
  return text ?? Object.fromEntries(fields)
}

test('what is beside a field is about a form that was sent; elsewhere there is a sentence of its own', (t) => {
  const taken = new GatewayError('username_taken')
  t.deepEqual(describe(taken, true), { username: 'Username is taken. Choose another one.' })
  t.is(
    describe(taken, false),
    'The service found no free username for you. Sign up with a username, then link the service.',
  )
  const wrong = new GatewayError('invalid_credentials')
  t.is(describe(wrong, true), 'Wrong username or password.')
  t.deepEqual(describe(wrong, true, 'currentPassword'), { currentPassword: 'Current password is wrong.' })
  t.is(describe(wrong, false, 'currentPassword'), 'Wrong username or password.')
})

test('a field that a form does not have is nothing wrong with an address', (t) => {
  const foreign = t.throws(() => validate(signup, { ...good, coupon: 'x' }), { instanceOf: GatewayError })
  t.regex(String(describe(foreign as GatewayError, true)), /^The form has an unknown field/)
  const address = new GatewayError('validation_failed', {
    errors: [{ field: 'state', rule: 'invalid', detail: 'is long' }],
  })
  t.regex(String(describe(address, false)), /^The address of this page/)
})

test('how long to wait is said where it is known', (t) => {
  const headers = { 'Retry-After': '60' }
  t.is(
    describe(new GatewayError('rate_limited', { headers }), false),
    'Too many attempts. Try again in 60 seconds.',
  )
  t.is(describe(new GatewayError('rate_limited'), false), 'Too many attempts. Please try again later.')
})
