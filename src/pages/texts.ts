import type { ErrorCode, FieldRule } from '../errors.ts'

/** The rules that a field breaks, and the two codes of errors about one field. */
export type FieldMessage = FieldRule | 'wrong' | 'taken'

/** The fields of the forms, named as in the JSON interface. */
export type FieldName = 'username' | 'password' | 'confirmPassword' | 'currentPassword' | 'newPassword'

/**
 * All texts of the pages in one language. Each file of `locales/` has one language. List a new sentence with a name in
 * `quoting` too.
 */
export type Texts = {
  direction: 'ltr' | 'rtl'
  /** The prefix of the title of a page with an error. */
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
  /** The app that sent the user to the sign-in page. */
  askedBy: (app: string) => string
  goesBackTo: (app: string) => string
  useAnother: string
  /** The advice on a page that another site may have opened. */
  notAsked: string
  fields: Record<FieldName, string>
  /** The label of the username where it may be an e-mail address. */
  usernameOrEmail: string
  /** The hint of a new password. */
  passwordHint: (characters: number) => string
  /** The page that asks the signed-in user to authenticate again. */
  confirmTitle: string
  confirmHint: string
  confirm: string
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
  /** The short labels of the password buttons. */
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
  /** The number of hidden sessions, below the list. */
  moreSessions: (count: number) => string
  lastUsed: (when: string) => string
  /** The place of a session of the pages. */
  thesePages: string
  signedIn: string
  signedInByPassword: string
  signedInWith: (provider: string) => string
  device: (browser: string, system: string) => string
  unknownDevice: string
  signOut: string
  signedOut: string
  signedOutHint: string
  signOutAt: (provider: string) => string
  signInAgain: string
  backTo: (app: string) => string
  redirecting: (place: string) => string
  redirectNow: string
  toStart: string
  somethingWrong: string
  notFound: string
  /** The confirmations of the last action. */
  done: {
    password: string
    ended: string
    endedOthers: string
    linked: (provider: string) => string
    unlinked: string
    confirmed: string
  }
  /** The sentences about field errors. `limit` is empty for a rule without one. */
  fieldMessages: Record<FieldMessage, (field: string, limit: string) => string>
  /** The errors of an expired form, and of a browser without cookies. */
  formExpired: string
  cookiesRefused: string
  tooManyAttempts: (wait: string) => string
  comeBackLater: string
  /** The error of a form with an unknown field. */
  foreignField: string
  /** The sentences about errors; `server_error` is the default. */
  errors: Partial<Record<ErrorCode, string>> & { server_error: string }
}

/** The sentences with names of users, apps, providers and redirect targets. */
const quoting = [
  'signInTo',
  'signUpTo',
  'continueWith',
  'continueAs',
  'signedInAs',
  'askedBy',
  'goesBackTo',
  'backTo',
  'signedInWith',
  'linkProvider',
  'unlinkProvider',
  'redirecting',
] as const satisfies readonly (keyof Texts)[]

/**
 * Isolates the names in the texts by direction (Unicode Standard Annex 9, section 2.4). A name in the other direction then
 * keeps the order of the sentence around it. Control characters also work in attributes and titles, unlike `bdi`.
 */
export function isolateBidi(texts: Texts): Texts {
  const isolate = (value: string): string =>
    // ASCII in a left-to-right text needs no isolation, so a search finds the sentence.
    texts.direction === 'ltr' && /^[ -~]*$/.test(value) ? value : `\u2068${value}\u2069`
  const sentences = quoting.map((name) => [name, (value: string) => texts[name](isolate(value))])
  return {
    ...texts,
    ...(Object.fromEntries(sentences) as Pick<Texts, (typeof quoting)[number]>),
    done: { ...texts.done, linked: (provider) => texts.done.linked(isolate(provider)) },
  }
}
