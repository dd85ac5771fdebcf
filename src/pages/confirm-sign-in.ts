import * as z from 'zod'
import { readHints } from '../authentication/start-sign-in.ts'
import { type Context, type Middleware, withContract } from '../context.ts'
import { askProvider } from '../endpoints/provider-sign-in.ts'
import type { GatewayError } from '../errors.ts'
import { html } from '../http/html.ts'
import { withoutQuery } from '../http/query.ts'
import { form, notice } from './components.ts'
import { localizeErrors } from './error-messages.ts'
import { queryOf } from './redirects.ts'
import type { PageTemplate } from './render.ts'
import type { PageProvider } from './site.ts'
import type { Pages } from './steps.ts'

/** The first segment of the address of a provider sign-in: for an app, or on the pages. The form adds `/confirm`. */
type FirstSegment = 'auth' | 'signin'

/**
 * Asks for a click before a sign-in for an app goes to its provider, unless a page of this site began the navigation.
 * Browsers also send `Sec-Fetch-Site: none` after a redirect of another site, if another program opened the address.
 */
export function confirmSignIn(pages: Pages, provider: PageProvider, segment: FirstSegment): Middleware {
  return withContract(
    {
      answers: {
        200: {
          description: 'A page that asks for a click before it redirects.',
          type: 'text/html',
          schema: z.string(),
        },
      },
    },
    async function confirmSignIn(ctx, next) {
      const isOurs = /^same-(origin|site)$/.test(ctx.get('sec-fetch-site'))
      if (isOurs || !ctx.state.start?.redirectTo) return next()
      // The token of the form belongs to the session of the browser.
      await pages.load(ctx, async () => show(ctx, { pages, provider, segment, error: null }))
    },
  )
}

/** POST /auth/:provider/confirm and POST /signin/:provider/confirm: redirects to the provider after the click. */
export function submitConfirmation(
  pages: Pages,
  provider: PageProvider,
  segment: FirstSegment,
): Middleware[] {
  const steps = pages.form((ctx, error) => show(ctx, { pages, provider, segment, error }))
  const startFor: Middleware = async function startFor({ state }, next) {
    // A sign-in that began at /auth ends without a session of the pages.
    if (state.start) state.start.page = segment === 'signin'
    await next()
  }
  return [...steps, startFor, readHints(), withoutQuery(askProvider(pages, provider.name))]
}

type Confirmation = {
  pages: Pages
  provider: PageProvider
  segment: FirstSegment
  error: GatewayError | null
}

function show(ctx: Context, { pages, provider, segment, error }: Confirmation): void {
  const { start, hints } = ctx.state
  const action = `/${segment}/${provider.name}/confirm${queryOf(start, {
    ...(hints?.loginHint && { login_hint: hints.loginHint }),
    ...(hints?.prompt && { prompt: hints.prompt }),
  })}`
  const template: PageTemplate = (page) => {
    const { texts, site } = page
    const app = site.appOf(start?.redirectTo ?? '')
    const found = error && localizeErrors(error, page, { secret: null })
    const button = html`<button class="button main" autofocus>${texts.continueWith(provider.label)}</button>`
    return {
      title: texts.signInTo(app),
      isError: found !== null,
      body: html`${notice(found)}<p>${texts.goesBackTo(app)}</p>
${form(page, action, button)}
<p class="aside">${texts.notAsked}</p>`,
    }
  }
  pages.render(ctx, error?.status ?? 200, template)
}
