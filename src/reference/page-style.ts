/** The style of the API reference: light and dark, from 320 pixels up. */
export const style = `:root {
  color-scheme: light dark; scroll-padding-block-start: 1rem;
  --page: light-dark(#f6f7fa, #12151c); --card: light-dark(#fff, #1c202b); --line: light-dark(#dde1ea, #323848);
  --text: light-dark(#1b1f29, #eceef4); --quiet: light-dark(#5a6274, #a5adbe); --code: light-dark(#eef0f6, #272c3a);
  --accent: light-dark(#3451b2, #a9bbff); --get: light-dark(#17653a, #84d6a4); --delete: light-dark(#b3261e, #ff9d94);
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-inline-size: 75rem; padding: clamp(1rem, 4vw, 2.5rem); background: var(--page); color: var(--text); overflow-wrap: anywhere; }
h1, h2, h3, h4, p, dl, dd, ul, pre { margin: 0; padding: 0; list-style: none; }
h1, h3 { line-height: 1.3; }
h1 span, header p, .quiet, summary { color: var(--quiet); font-weight: 400; }
h2 { margin-block: 2.5rem 0.5rem; }
h4 { font-size: 0.875rem; margin-block: 1.25rem 0.4rem; }
p + p, nav, .fields, .operation { margin-block-start: 0.75rem; }
a { color: var(--accent); }
h3 a, nav li li a { color: inherit; text-decoration: none; }
:focus-visible:not(main) { outline: 3px solid var(--accent); outline-offset: -1px; border-radius: 0.25rem; }
.searching > :not(.operation) { display: none; }
.skip:not(:focus) { position: absolute; inset-block-start: -10rem; }
nav > ul, .codes { display: flex; flex-wrap: wrap; gap: 0.5rem 1.25rem; }
nav ul ul { display: none; }
input, button { font: inherit; padding: 0.2rem 0.5rem; color: inherit; background: var(--card); border: 1px solid var(--quiet); border-radius: 0.4rem; }
input { inline-size: 100%; margin-block-end: 0.5rem; }
.operation, main > .fields { padding: clamp(1rem, 3vw, 1.5rem); background: var(--card); border: 1px solid var(--line); border-radius: 0.75rem; }
:target { border-color: var(--accent); }
.route, .header { display: block; margin-block-end: 0.5rem; }
.method { font: 700 0.75rem/1.5 var(--mono); color: var(--accent); }
.get { color: var(--get); } .delete { color: var(--delete); }
code, pre { font-family: var(--mono); font-size: 0.875rem; background: var(--code); border-radius: 0.3rem; }
pre { position: relative; padding: 0.75rem 5rem 0.75rem 1rem; white-space: pre-wrap; }
pre button { position: absolute; inset: 0.5rem 0.5rem auto auto; }
.fields > div { padding-block: 0.5rem; }
.fields > div + div { border-block-start: 1px solid var(--line); }
dt { font-weight: 600; }
.quiet, summary { font-size: 0.875rem; }
summary { cursor: pointer; padding-block: 0.25rem; }
@media (min-width: 60rem) {
  body { display: grid; grid-template-columns: 17rem minmax(0, 1fr); gap: 0 2.5rem; align-items: start; }
  header, .skip { grid-column: 1 / -1; }
  nav { position: sticky; inset-block-start: 1rem; max-block-size: 100vh; overflow-y: auto; scrollbar-width: thin; }
  nav > ul, nav ul ul { display: block; }
  nav li li { padding-inline-start: 3.75rem; text-indent: -3.75rem; }
  nav .method { display: inline-block; inline-size: 3.5rem; font-size: 0.65rem; text-indent: 0; }
}
`
