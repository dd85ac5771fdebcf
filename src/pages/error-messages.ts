import type { Context } from '../context.ts'
import { type ErrorCode, errorTable, GatewayError } from '../errors.ts'
import { formErrors } from './csrf.ts'
import type { Page } from './render.ts'
import type { FieldMessage, FieldName, Texts } from './texts.ts'

/** The error of a request in the language of the user: one text, or a message for each field. */
export type FormErrors = { text: string | null; fields: ReadonlyMap<FieldName, string> }

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
  const one = (name: FieldName, message: FieldMessage, limit?: number): [FieldName, string][] => [
    [name, texts.fieldMessages[message](texts.fields[name], String(limit ?? ''))],
  ]
  if (error.code === 'username_taken') return one('username', 'taken')
  if (error.code === 'invalid_credentials' && secret) return one(secret, 'wrong')
  return (error.errors ?? []).flatMap(({ field, rule, limit }) =>
    isFieldName(field, texts) ? one(field, rule, limit) : [],
  )
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

function isFieldName(field: string, { fields }: Texts): field is FieldName {
  return Object.hasOwn(fields, field)
}

function formatWait(seconds: number, language: string): string {
  const format = new Intl.RelativeTimeFormat(language)
  return seconds < 90 ? format.format(seconds, 'second') : format.format(Math.ceil(seconds / 60), 'minute')
}
