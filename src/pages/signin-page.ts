import type { Context } from '../context.ts'
import { html } from '../http/html.ts'
import { field, form, summary } from './fields.ts'
import { placeOf, queryOf } from './links.ts'
import { providerLinks } from './provider-links.ts'
import type { Page, Shown, View } from './show.ts'
import type { Trouble } from './trouble.ts'

/** What the pages to sign in and to sign up are asked to show. */
export type Entry = {
  start: Context['state']['start']
  /** What was typed before. */
  typed: Readonly<Record<string, string>>
  trouble: (page: Page) => Trouble | null
}

/** Username and password, and the providers. */
export function signinPage({ start, typed, trouble }: Entry): View {
  return function signin(page): Shown {
    const { site, texts } = page
    const found = trouble(page)
    const query = queryOf(start)
    const content = html`${field(page, { name: 'username', autocomplete: 'username webauthn', value: typed.username, isFirst: true }, found)}
${field(page, { name: 'password', autocomplete: 'current-password' }, found)}
<button class="button main">${texts.signIn}</button>`
    return {
      title: texts.signInTo(site.files.name),
      hasFailed: found !== null,
      body: html`${summary(found)}${form(page, `/signin${query}`, content)}
${providerLinks(page, query)}
${site.signup && html`<p class="aside">${texts.noAccountYet} <a href="${site.base}/signup${query}">${texts.signUp}</a></p>`}`,
    }
  }
}

/** Username and a new password, and the providers. */
export function signupPage({ start, typed, trouble }: Entry): View {
  return function signup(page): Shown {
    const { site, texts } = page
    const found = trouble(page)
    const query = queryOf(start)
    const hint = texts.passwordHint(site.passwordMinLength)
    const content = html`${field(page, { name: 'username', autocomplete: 'username', value: typed.username, isFirst: true }, found)}
${field(page, { name: 'password', autocomplete: 'new-password', hint }, found)}
${field(page, { name: 'confirmPassword', autocomplete: 'new-password' }, found)}
<button class="button main">${texts.signUp}</button>`
    return {
      title: texts.signUpTo(site.files.name),
      hasFailed: found !== null,
      body: html`${summary(found)}${form(page, `/signup/form${query}`, content)}
${providerLinks(page, query)}
<p class="aside">${texts.accountAlready} <a href="${site.base}/signin${query}">${texts.signIn}</a></p>`,
    }
  }
}

/** Asks somebody who is signed in whether they want to go back to the app as who they are. */
export function continuePage({ start, trouble }: Entry, username: string): View {
  return function goOnAs(page): Shown {
    const { site, texts } = page
    const found = trouble(page)
    const button = html`<button class="button main" autofocus>${texts.continueAs(username)}</button>`
    return {
      title: texts.signInTo(site.files.name),
      hasFailed: found !== null,
      body: html`${summary(found)}<p>${texts.signedInAs(username)} ${start?.redirectTo && texts.goesBackTo(placeOf(start.redirectTo))}</p>
${form(page, `/signin/continue${queryOf(start)}`, button)}
<p class="aside"><a href="${site.base}/signin${queryOf(start, { prompt: 'login' })}">${texts.useAnother}</a></p>`,
    }
  }
}
