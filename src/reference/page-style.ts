/** The style of the API reference: light and dark, from 320 pixels up. */
export const style = `:root {
  color-scheme: light dark;
  --page: #f6f7fa;
  --card: #fff;
  --text: #1b1f29;
  --quiet: #5a6274;
  --line: #dde1ea;
  --accent: #3451b2;
  --code: #eef0f6;
  --get: #17653a;
  --post: #3451b2;
  --delete: #b3261e;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12151c;
    --card: #1c202b;
    --text: #eceef4;
    --quiet: #a5adbe;
    --line: #323848;
    --accent: #a9bbff;
    --code: #272c3a;
    --get: #84d6a4;
    --post: #a9bbff;
    --delete: #ff9d94;
  }
}
*, ::before, ::after { box-sizing: border-box; }
html { scroll-padding-block-start: 1rem; }
body {
  display: grid;
  grid-template-columns: minmax(0, 1fr);
  gap: 0 2.5rem;
  max-inline-size: 75rem;
  margin: 0 auto;
  padding: clamp(1rem, 4vw, 2.5rem);
  background: var(--page);
  color: var(--text);
  overflow-wrap: anywhere;
}
a { color: var(--accent); text-underline-offset: 0.15em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 3px; }
main:focus { outline: none; }
.skip { position: absolute; inset-inline-start: -100vw; }
.skip:focus { inset-inline-start: 1rem; inset-block-start: 1rem; padding: 0.5rem 1rem; background: var(--card); z-index: 1; }
h1, h2, h3, h4, p, dl, dd, ol, ul, pre { margin: 0; }
h1 { font-size: clamp(1.6rem, 5vw, 2.1rem); line-height: 1.2; letter-spacing: -0.015em; }
h1 span { color: var(--quiet); font-weight: 400; }
h2 { font-size: 1.5rem; line-height: 1.25; margin-block: 0 0.5rem; letter-spacing: -0.01em; }
h3 { font-size: 1.2rem; line-height: 1.3; }
h4 { font-size: 0.85rem; margin-block: 1.25rem 0.4rem; }
p + p { margin-block-start: 0.6rem; }
header { margin-block-end: 1.5rem; }
header p { color: var(--quiet); margin-block-start: 0.4rem; }
nav ol { list-style: none; padding: 0; }
nav > ol { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; padding-block: 0.75rem; border-block: 1px solid var(--line); }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
nav > ol > li > a { display: inline-block; padding-block: 0.25rem; font-weight: 600; }
nav ol ol { display: none; }
main > section { padding-block-start: 2.5rem; }
main > section > h3 { margin-block: 1.5rem 0.5rem; }
.operation, main > section > .fields {
  margin-block-start: 1.25rem;
  padding: clamp(1rem, 3vw, 1.5rem);
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: 0.75rem;
}
.operation h3 a { color: inherit; text-decoration: none; }
.operation h3 a:hover { text-decoration: underline; }
.operation:target { border-color: var(--accent); }
.route { margin-block: 0.35rem 0.75rem; }
.route code { background: none; padding: 0; font-size: 1rem; }
.method { font: 700 0.75rem/1 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.get { color: var(--get); }
.post { color: var(--post); }
.delete { color: var(--delete); }
.needs { margin-block-start: 0.6rem; color: var(--quiet); }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.875em; }
code { background: var(--code); border-radius: 0.3em; padding: 0.1em 0.3em; }
pre { background: var(--code); border-radius: 0.5rem; padding: 0.75rem 1rem; white-space: pre-wrap; font-size: 0.85rem; line-height: 1.5; }
pre code { background: none; padding: 0; font-size: inherit; }
.fields > div + div { border-block-start: 1px solid var(--line); }
.fields > div { padding-block: 0.5rem; }
.fields > div:first-child { padding-block-start: 0; }
.fields > div:last-child { padding-block-end: 0; }
.fields > div:target { background: var(--code); }
.fields dt, .fields dt code { font-weight: 600; }
.fields dt .type code { font-weight: 400; }
.type, .optional, .note, .header { color: var(--quiet); font-size: 0.875rem; font-weight: 400; }
.optional { border: 1px solid var(--line); border-radius: 1em; padding: 0 0.5em; white-space: nowrap; }
.header { display: block; }
.status { font-variant-numeric: tabular-nums; }
.answer + .answer { margin-block-start: 0.75rem; }
details { margin-block-start: 0.4rem; padding-inline-start: 1rem; border-inline-start: 2px solid var(--line); }
summary { cursor: pointer; color: var(--quiet); font-size: 0.875rem; padding-block: 0.25rem; }
details .fields { padding-block: 0.5rem; }
.codes { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 0.35rem 1.25rem; }
.codes code { background: none; padding: 0; }
@media (min-width: 60rem) {
  body { grid-template-columns: 17rem minmax(0, 1fr); align-items: start; }
  header { grid-column: 1 / -1; }
  nav { position: sticky; inset-block-start: 0; max-block-size: 100vh; overflow-y: auto; padding-block-end: 2rem; scrollbar-width: thin; }
  nav > ol { display: block; border: 0; padding-block: 1rem; }
  nav > ol > li { margin-block-end: 0.75rem; }
  nav ol ol { display: block; font-size: 0.9rem; }
  nav ol ol a { display: flex; gap: 0.5rem; align-items: baseline; padding: 0.2rem 0; color: inherit; }
  nav .method { flex: none; inline-size: 3.4rem; font-size: 0.65rem; }
  main > section:first-child { padding-block-start: 1rem; }
}
@media print {
  nav, .skip { display: none; }
  details > * { display: block; }
}
`
