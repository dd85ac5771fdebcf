import type { Clock, Context } from '../context.ts'
import { type Html, html } from '../http/html.ts'
import type { Csrf } from './csrf.ts'
import type { Site } from './site.ts'
import type { Texts } from './texts.ts'

/** The data of a page for one request. */
export type Page = {
  site: Site
  language: string
  texts: Texts
  now: Date
  /** Returns the CSRF token of the forms; may set a cookie. */
  token(): string
}

/** The title and content of a page. */
export type PageContent = {
  title: string
  body: Html
  isError?: boolean
  isWide?: boolean
  /** The URL that the browser opens by itself. */
  redirectTo?: string
}

export type PageTemplate = (page: Page) => PageContent

/** Answers with a page. */
export type RenderPage = (ctx: Context, status: number, template: PageTemplate) => void

const policy = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "img-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

type RenderPageOptions = { site: Site; csrf: Pick<Csrf, 'tokenFor'>; clock: Clock }

/**
 * Creates the function that answers with pages, in the language of the browser. Pages are not cached and run only the script
 * of the gateway. Other sites cannot read them: the CORS headers of the JSON interface are removed.
 */
export function createRenderPage({ site, csrf, clock }: RenderPageOptions): RenderPage {
  const { locales } = site.files
  const [fallback = ''] = locales.keys()
  return function renderPage(ctx, status, template) {
    const language = ctx.acceptsLanguages([...locales.keys()]) || fallback
    const texts = locales.get(language) as Texts
    let token: string | undefined
    const page: Page = {
      site,
      language,
      texts,
      now: clock(),
      token: () => {
        token ??= csrf.tokenFor(ctx)
        return token
      },
    }
    const content = template(page)
    ctx.status = status
    ctx.body = layout(page, content).html
    ctx.type = 'text/html; charset=utf-8'
    ctx.remove('Access-Control-Allow-Origin')
    ctx.remove('Access-Control-Allow-Credentials')
    ctx.remove('Access-Control-Expose-Headers')
    ctx.set({
      'Cache-Control': 'no-store',
      'Content-Language': language,
      'Content-Security-Policy': policy,
      // With no-referrer, browsers would send our own forms with "Origin: null".
      'Referrer-Policy': 'same-origin',
    })
    ctx.vary('Accept-Language')
  }
}

/** Renders the document around the content of a page. */
function layout({ site, language, texts }: Page, content: PageContent): Html {
  const { base, files } = site
  const named = content.title.includes(files.name) ? content.title : `${content.title} · ${files.name}`
  const title = `${content.isError ? texts.errorTitle : ''}${named}`
  return html`<!doctype html>
<html lang="${language}" dir="${texts.direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${content.redirectTo && html`<meta http-equiv="refresh" content="0;url=${content.redirectTo}">\n`}<title>${title}</title>
<link rel="icon" href="${base}/pages/${files.logo}">
<link rel="stylesheet" href="${base}/pages/${files.style}">
<script src="${base}/pages/${files.script}" defer></script>
</head>
<body>
<main${content.isWide && html` class="wide"`}>
<picture>${files.logoDark !== null && html`<source srcset="${base}/pages/${files.logoDark}" media="(prefers-color-scheme: dark)">`}<img class="logo" src="${base}/pages/${files.logo}" alt="" width="48" height="48"></picture>
<h1>${content.title}</h1>
${content.body}
</main>
</body>
</html>
`
}
