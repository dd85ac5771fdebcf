import type { FieldError, GatewayError } from '../errors.ts'
import { formFaults } from './csrf.ts'
import type { FieldFault, FieldName, Texts } from './texts.ts'

/** What is wrong with what somebody sent, in their language: as a whole, or field by field. */
export type Trouble = { text: string | null; fields: ReadonlyMap<FieldName, string> }

/** What the JSON interface says of a field, and what we say. A number in it is the limit. */
const faults: readonly (readonly [RegExp, FieldFault])[] = [
  [/^is required$/, 'required'],
  [/^has fewer than (\d+) characters$/, 'tooShort'],
  [/^has more than (\d+) characters$/, 'tooLong'],
  [/^has more than (\d+) bytes/, 'tooManyBytes'],
  [/^has a (control or invisible character|character that cannot be stored)$/, 'invisible'],
  [/^begins or ends with white space$/, 'whiteSpace'],
  [/^is not the same as password$/, 'notSame'],
  [/^is one of the passwords that are guessed first$/, 'common'],
  [/^is little more than the username/, 'context'],
  [/^is known from a data breach$/, 'breached'],
]

/** Says what is wrong. `secret` is the field of the form that a wrong password was typed into, if it is known. */
export function describeTrouble(
  error: GatewayError,
  texts: Texts,
  language: string,
  secret: FieldName | null = null,
): Trouble {
  const none = new Map<FieldName, string>()
  const one = (name: FieldName, fault: FieldFault): Trouble => ({
    text: null,
    fields: new Map([[name, texts.faults[fault](texts.fields[name], '')]]),
  })
  if (error.code === 'validation_failed') {
    const fields = (error.errors ?? []).flatMap((each) => describeField(each, texts))
    if (fields.length > 0) return { text: null, fields: new Map(fields) }
  }
  if (error.code === 'username_taken') return one('username', 'taken')
  if (error.code === 'invalid_credentials') {
    return secret ? one(secret, 'wrong') : { text: texts.wrongPassword, fields: none }
  }
  return { text: describeError(error, texts, language), fields: none }
}

/** One sentence about an error, for whoever meets it on a page. */
export function describeError(error: GatewayError, texts: Texts, language: string): string {
  if (error.detail === formFaults.expired) return texts.formExpired
  if (error.detail === formFaults.noCookie) return texts.cookiesRefused
  if (error.code === 'rate_limited') {
    return texts.tooManyAttempts(formatWait(Number(error.headers['Retry-After'] ?? 60), language))
  }
  if (error.status === 503) return texts.comeBackLater
  return texts.errors[error.code] ?? texts.errors.server_error
}

function describeField({ field, detail }: FieldError, texts: Texts): [FieldName, string][] {
  if (!Object.hasOwn(texts.fields, field)) return []
  const name = field as FieldName
  for (const [pattern, fault] of faults) {
    const found = pattern.exec(detail)
    if (found) return [[name, texts.faults[fault](texts.fields[name], found[1] ?? '')]]
  }
  return [[name, texts.faults.other(texts.fields[name], '')]]
}

function formatWait(seconds: number, language: string): string {
  const format = new Intl.RelativeTimeFormat(language)
  return seconds < 90 ? format.format(seconds, 'second') : format.format(Math.ceil(seconds / 60), 'minute')
}
