import type { ErrorCode } from '../errors.ts'

/** What is wrong with one field, apart from its name. */
export type FieldMessage =
  | 'required'
  | 'tooShort'
  | 'tooLong'
  | 'tooManyBytes'
  | 'invisible'
  | 'whiteSpace'
  | 'notSame'
  | 'common'
  | 'context'
  | 'breached'
  | 'wrong'
  | 'taken'
  | 'other'

/** The fields of our forms, by the names that the JSON interface has for them. */
export type FieldName = 'username' | 'password' | 'confirmPassword' | 'currentPassword' | 'newPassword'

/**
 * Every word that the pages say in one language. A file of `locales/` is one of these, and a language of its own. A new
 * sentence with a name in it also goes into `quoting`.
 */
export type Texts = {
  direction: 'ltr' | 'rtl'
  /** What stands before the title of a page that says that something is wrong. */
  errorTitle: string
  signIn: string
  signInTo: (name: string) => string
  signUp: string
  signUpTo: (name: string) => string
  continueWith: (provider: string) => string
  or: string
  noAccountYet: string
  accountAlready: string
  continueAs: (username: string) => string
  signedInAs: (username: string) => string
  goesBackTo: (place: string) => string
  useAnother: string
  fields: Record<FieldName, string>
  /** Of a new password. */
  passwordHint: (characters: number) => string
  showPassword: string
  hidePassword: string
  capsLock: string
  account: string
  roles: string
  waysIn: string
  password: string
  passwordIsSet: string
  passwordIsNotSet: string
  changePassword: string
  setPassword: string
  /** The same in one word, beside what is changed. */
  change: string
  set: string
  linked: string
  link: string
  linkProvider: (provider: string) => string
  unlink: string
  unlinkProvider: (provider: string) => string
  sessions: string
  thisSession: string
  endSession: string
  endSessionOf: (device: string) => string
  endOthers: string
  /** Below a list, of those that are not in it. */
  moreSessions: (count: number) => string
  lastUsed: (when: string) => string
  device: (browser: string, system: string) => string
  unknownDevice: string
  signOut: string
  signedOut: string
  signedOutHint: string
  signInAgain: string
  backToApp: string
  redirecting: (place: string) => string
  redirectNow: string
  toStart: string
  somethingWrong: string
  notFound: string
  /** What has just been done. */
  done: {
    password: string
    ended: string
    endedOthers: string
    linked: (provider: string) => string
    unlinked: string
  }
  /** One sentence about a field. */
  fieldMessages: Record<FieldMessage, (field: string, number: string) => string>
  /** What is wrong when the form is no longer good, or cookies do not come back. */
  formExpired: string
  cookiesRefused: string
  tooManyAttempts: (wait: string) => string
  comeBackLater: string
  /** What is wrong when a form comes with a field that it does not have. */
  foreignField: string
  /** One sentence about an error; those that are missing get the general one. */
  errors: Partial<Record<ErrorCode, string>> & { server_error: string }
}

/** Sentences that quote what others have chosen: names of people, apps and providers, and places. */
const quoting = [
  'signInTo',
  'signUpTo',
  'continueWith',
  'continueAs',
  'signedInAs',
  'goesBackTo',
  'linkProvider',
  'unlinkProvider',
  'redirecting',
] as const satisfies readonly (keyof Texts)[]

/**
 * The same texts, with what they quote kept apart from the sentence around it: a name that is written in the other
 * direction changes the order of nothing but itself (Unicode Standard Annex 9, section 2.4). For attributes and titles
 * too, where no `bdi` can stand.
 */
export function isolateBidi(texts: Texts): Texts {
  const isolate = (value: string): string =>
    // Here nothing can change direction, and whoever searches for the sentence finds it.
    texts.direction === 'ltr' && /^[ -~]*$/.test(value) ? value : `\u2068${value}\u2069`
  const sentences = quoting.map((name) => [name, (value: string) => texts[name](isolate(value))])
  return {
    ...texts,
    ...(Object.fromEntries(sentences) as Pick<Texts, (typeof quoting)[number]>),
    done: { ...texts.done, linked: (provider) => texts.done.linked(isolate(provider)) },
  }
}
