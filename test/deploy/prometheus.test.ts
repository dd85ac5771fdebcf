import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { root } from '../_app.ts'
import test from '../_test.ts'
import { createSample } from '../observability/_metrics.ts'

type Rule = { alert: string; expr: string; annotations: Record<string, string> }
type Panel = { id: number; type: string; title: string; targets?: { expr: string }[]; gridPos: object }

const folder = fileURLToPath(new URL('deploy/prometheus/', root))
const { groups } = parse(await readFile(`${folder}alerts.yaml`, 'utf8')) as { groups: { rules: Rule[] }[] }
const rules = groups.flatMap((group) => group.rules)
const dashboard = JSON.parse(await readFile(new URL('deploy/grafana/dashboard.json', root), 'utf8'))
const panels: Panel[] = dashboard.panels
const expressions = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
]

const run = promisify(execFile)
const promtool = process.env.PROMTOOL_PATH || 'promtool'
const isInstalled = await run(promtool, ['--version']).then(
  () => true,
  () => false,
)

/** The series of a gateway that has answered some requests: metric → the labels of each series. */
const series = new Map<string, Record<string, string>[]>()
test.before('read the metrics', async () => {
  const metrics = createSample()
  for (const route of ['/webhook', '/token', '/user'])
    for (const status of [200, 401, 503]) metrics.observeRequest({ method: 'GET', route, status }, 0)
  await metrics.instrumentRequest('github', 'token', async () => {})
  await metrics.instrumentRequest('github', 'token', () => Promise.reject(new Error())).catch(() => {})
  for (const [, name = '', labels = ''] of (await metrics.read()).matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const read = Object.fromEntries(
      [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
    )
    series.set(name, [...(series.get(name) ?? []), { ...read, job: '$job', instance: 'here' }])
  }
})

const operators: Record<string, (value: string, text: string) => boolean> = {
  '=': (value, text) => value === text,
  '!=': (value, text) => value !== text,
  '=~': (value, text) => new RegExp(`^(?:${text})$`).test(value),
  '!~': (value, text) => !new RegExp(`^(?:${text})$`).test(value),
}

test('every selector of the alerts and of the dashboard finds a series of the metrics', (t) => {
  for (const [title, expr] of expressions) {
    const selectors = [...expr.matchAll(/\b((?:claimgate|nodejs|process)_\w+)(?:\{([^}]*)\})?/g)]
    t.true(selectors.length > 0 || expr.startsWith('up{job="claimgate"}'), title)
    for (const [selector, name = '', matchers = ''] of selectors) {
      const found = [...matchers.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)].reduce(
        (rest, [, label = '', operator = '', text = '']) =>
          rest.filter((labels) => label in labels && operators[operator]?.(labels[label] ?? '', text)),
        series.get(name) ?? [],
      )
      t.true(found.length > 0, `${title}: ${selector}`)
      for (const alternative of /event=~"([\w.|]+)"/.exec(matchers)?.[1]?.split('|') ?? [])
        t.true(
          found.some(({ event }) => event === alternative),
          `${title}: ${alternative}`,
        )
    }
    const known = new Set(selectors.flatMap(([, name = '']) => Object.keys(series.get(name)?.[0] ?? {})))
    for (const [, by = ''] of expr.matchAll(/\bby \(([^)]*)\)/g))
      for (const label of by.split(', ')) t.true(known.has(label), `${title}: by ${label}`)
  }
})

test('a text of an alert names no event, metric or variable that does not exist', async (t) => {
  const environment = await readFile(new URL('.env.example', root), 'utf8')
  const events = new Set(series.get('claimgate_events_total')?.map(({ event }) => event))
  for (const { alert, annotations } of rules) {
    t.deepEqual(Object.keys(annotations), ['summary', 'description'], alert)
    const text = Object.values(annotations).join(' ')
    for (const [name] of text.matchAll(/\b(?:AUTH|DATABASE)_[A-Z_]+/g))
      t.true(environment.includes(`#${name}=`), `${alert}: ${name}`)
    for (const [name] of text.matchAll(/\b(?:claimgate|nodejs)_\w+/g))
      t.true(series.has(name) || series.has(`${name}_count`), `${alert}: ${name}`)
    for (const [, name] of text.matchAll(/\bevent ([a-z]+\.[a-z]+)/g))
      t.true(events.has(name), `${alert}: ${name}`)
  }
})

test('the panels of the dashboard have titles and places of their own', (t) => {
  for (const key of ['id', 'title', 'gridPos'] as const)
    t.is(new Set(panels.map((panel) => JSON.stringify(panel[key]))).size, panels.length, key)
})

if (isInstalled) {
  test('promtool accepts the alert rules, and they fire as their tests say', async (t) => {
    t.regex((await run(promtool, ['check', 'rules', 'alerts.yaml'], { cwd: folder })).stdout, /SUCCESS/)
    t.regex((await run(promtool, ['test', 'rules', 'alerts.test.yaml'], { cwd: folder })).stdout, /SUCCESS/)
  })
} else {
  test('promtool is not installed: the alert rules are only compared with the metrics', (t) => t.pass())
}
