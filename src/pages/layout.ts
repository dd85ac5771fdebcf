import { type Html, html } from './html.ts'
import type { Page, Shown } from './show.ts'

/** The whole document around what a page shows. */
export function layout({ site, language, texts }: Page, shown: Shown): Html {
  const { base, files } = site
  const named = shown.title.includes(files.name) ? shown.title : `${shown.title} · ${files.name}`
  const title = `${shown.hasFailed ? texts.errorTitle : ''}${named}`
  return html`<!doctype html>
<html lang="${language}" dir="${texts.direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${shown.goesOnTo && html`<meta http-equiv="refresh" content="0;url=${shown.goesOnTo}">\n`}<title>${title}</title>
<link rel="icon" href="${base}/pages/${files.logo}">
<link rel="stylesheet" href="${base}/pages/${files.style}">
<script src="${base}/pages/${files.script}" defer></script>
</head>
<body>
<main${shown.isWide && html` class="wide"`}>
<img class="logo" src="${base}/pages/${files.logo}" alt="" width="48" height="48">
<h1>${shown.title}</h1>
${shown.body}
</main>
</body>
</html>
`
}
