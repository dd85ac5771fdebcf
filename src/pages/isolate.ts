import type { Texts } from './texts.ts'

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
  'goingOn',
] as const satisfies readonly (keyof Texts)[]

/**
 * The same texts, with what they quote kept apart from the sentence around it: a name that is written in the other
 * direction changes the order of nothing but itself (Unicode Standard Annex 9, section 2.4). For attributes and titles
 * too, where no `bdi` can stand.
 */
export function isolateQuotes(texts: Texts): Texts {
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
