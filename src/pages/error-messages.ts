import type { Context } from '../context.ts'
import { type ErrorCode, errorTable, type FieldError, GatewayError } from '../errors.ts'
import { formErrors } from './csrf.ts'
import type { Page } from './render.ts'
import type { FieldMessage, FieldName, Texts } from './texts.ts'

/** The error of a request in the language of the user: one text, or a message for each field. */
export type FormErrors = { text: string | null; fields: ReadonlyMap<FieldName, string> }

/** The field errors of the JSON interface, with the messages of the pages. A number is the limit. */
const fieldMessages: readonly (readonly [RegExp, FieldMessage])[] = [
  [/^is required$/, 'required'],
  [/^has fewer than (\d+) characters$/, 'tooShort'],
  [/^has more than (\d+) characters$/, 'tooLong'],
  [/^has a (control or invisible character|character that cannot be stored)$/, 'invisible'],
  [/^begins or ends with white space$/, 'whiteSpace'],
  [/^must not have an @$/, 'at'],
  [/^is not the same as password$/, 'notSame'],
  [/^is one of the passwords that are guessed first$/, 'common'],
  [/^is little more than the username/, 'context'],
  [/^is known from a data breach$/, 'breached'],
]

/**
 * Translates an error. `form` is the submitted form, with the field of a wrong password if it is known. It is null for an
 * error without a form.
 */
export function localizeErrors(
  error: GatewayError,
  { texts, language }: Pick<Page, 'texts' | 'language'>,
  form: { secret: FieldName | null } | null,
): FormErrors {
  const fields = new Map(form ? localizeFields(error, texts, form.secret) : [])
  if (fields.size > 0) return { text: null, fields }
  const isForeign = form !== null && error.code === 'validation_failed'
  return { text: isForeign ? texts.foreignField : localizeError(error, texts, language), fields }
}

function localizeFields(error: GatewayError, texts: Texts, secret: FieldName | null): [FieldName, string][] {
  const one = (name: FieldName, message: FieldMessage): [FieldName, string][] => [
    [name, texts.fieldMessages[message](texts.fields[name], '')],
  ]
  if (error.code === 'username_taken') return one('username', 'taken')
  if (error.code === 'invalid_credentials' && secret) return one(secret, 'wrong')
  return (error.errors ?? []).flatMap((each) => localizeField(each, texts))
}

/** Returns the sentence about an error for the user of a page. */
export function localizeError(error: GatewayError, texts: Texts, language: string): string {
  if (error.detail === formErrors.expired) return texts.formExpired
  if (error.detail === formErrors.noCookie) return texts.cookiesRefused
  const wait = error.headers['Retry-After']
  if (error.code === 'rate_limited' && wait) return texts.tooManyAttempts(formatWait(Number(wait), language))
  if (error.status === 503) return texts.comeBackLater
  return texts.errors[error.code] ?? texts.errors.server_error
}

/** Reads the error code of a provider sign-in from the query; null without a known code. */
export function readError(ctx: Context): GatewayError | null {
  const { error } = ctx.query
  if (typeof error !== 'string' || !Object.hasOwn(errorTable, error)) return null
  return new GatewayError(error as ErrorCode)
}

function localizeField({ field, detail }: FieldError, texts: Texts): [FieldName, string][] {
  if (!Object.hasOwn(texts.fields, field)) return []
  const name = field as FieldName
  for (const [pattern, message] of fieldMessages) {
    const found = pattern.exec(detail)
    if (found) return [[name, texts.fieldMessages[message](texts.fields[name], found[1] ?? '')]]
  }
  return [[name, texts.fieldMessages.other(texts.fields[name], '')]]
}

function formatWait(seconds: number, language: string): string {
  const format = new Intl.RelativeTimeFormat(language)
  return seconds < 90 ? format.format(seconds, 'second') : format.format(Math.ceil(seconds / 60), 'minute')
}
