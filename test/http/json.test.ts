import fc from 'fast-check'
import { parseJson } from '../../src/http/json.ts'
import { rounds } from '../_rounds.ts'
import test from '../_test.ts'

test('parseJson reads what JSON.parse reads', (t) => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom('', ' ', '\n\t'), (json, indent) => {
      const text = JSON.stringify(JSON.parse(json), null, indent)
      for (const spelling of [json, text]) t.deepEqual(parseJson(spelling), JSON.parse(spelling))
    }),
    { numRuns: rounds(150, 500) },
  )
})

test('parseJson refuses what JSON.parse refuses', (t) => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.constantFrom('', ',', '}', '"', '\\', "'"), (json, at, put) => {
      const place = at % json.length
      const text = json.slice(0, place) + put + json.slice(place + 1)
      const accepts = (parse: (text: string) => unknown): boolean => {
        try {
          parse(text)
          return true
        } catch (error) {
          if (!(error instanceof SyntaxError)) throw error
          return false
        }
      }
      if (!accepts(JSON.parse)) t.false(accepts(parseJson), text)
    }),
    { numRuns: rounds(150, 500) },
  )
})

const plain = (name: string) => JSON.stringify(name)
const escaped = (name: string) =>
  `"${Array.from({ length: name.length }, (_, at) => `\\u${name.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`

/** JSON text with an object that has a duplicate member; `spell` writes the second name. */
const doubled = (spell: (name: string) => string) =>
  fc
    .record({
      name: fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', '__proto__', '"', '\\', '}', ',{')),
      values: fc.tuple(fc.json(), fc.json(), fc.json()),
      others: fc.dictionary(fc.string(), fc.jsonValue()),
      wrap: fc.array(
        fc.constantFrom('[1,HOLE]', '{"a":HOLE}', '[{"b":"{"},[HOLE],"]"]', '{"c":1,"d":[HOLE]}'),
      ),
    })
    .map(({ name, values: [first, second, third], others, wrap }) => {
      const between = Object.entries(others)
        .filter(([other]) => other !== name)
        .map(([other, value]) => `${plain(other)}:${JSON.stringify(value)},`)
      const core = `{${plain(name)}:${first},${between.join('')}"between ${name.length}":${third},${spell(name)}:${second}}`
      return wrap.reduce((inner, shape) => shape.replace('HOLE', () => inner), core)
    })

for (const [how, spell] of [
  ['', plain],
  [', also when one is spelled with escapes', escaped],
] as const) {
  test(`parseJson refuses an object with a member twice, at any depth${how}`, (t) => {
    fc.assert(
      fc.property(doubled(spell), (text) => {
        t.notThrows(() => JSON.parse(text))
        t.throws(() => parseJson(text), { instanceOf: SyntaxError, message: /twice/ }, text)
      }),
      { numRuns: rounds(150, 500) },
    )
  })
}

test('parseJson allows one name in different objects, and a value that looks like a name', (t) => {
  for (const text of [
    '[{"a":1},{"a":2}]',
    '{"a":{"a":{"a":1}}}',
    '{"a":"b","b":"a"}',
    '["a","a"]',
    '{"a":["a","a"]}',
  ]) {
    t.deepEqual(parseJson(text), JSON.parse(text))
  }
})

test('parseJson makes __proto__ a member like any other', (t) => {
  const value = parseJson('{"__proto__": {"isAdmin": true}}') as Record<string, unknown>
  t.deepEqual(Object.keys(value), ['__proto__'])
  t.is(value.isAdmin, undefined)
})

test('parseJson reads a megabyte of text', (t) => {
  for (const text of [`{"a":"${'x'.repeat(1_000_000)}"}`, `{"a":"${'\\"'.repeat(500_000)}"}`]) {
    t.notThrows(() => parseJson(text))
  }
})

test('parseJson refuses what is nested deeper than 500 levels or has more than 50,000 members, and nothing below', (t) => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  const wide = (members: number) => `{${Array.from({ length: members }, (_, at) => `"${at}":1`).join()}}`
  t.notThrows(() => parseJson(nested(500)))
  t.throws(() => parseJson(nested(501)), { instanceOf: SyntaxError })
  t.throws(() => parseJson(nested(100_000)), { instanceOf: SyntaxError })
  t.notThrows(() => parseJson(wide(50_000)))
  t.throws(() => parseJson(wide(50_001)), { instanceOf: SyntaxError })
})

test('parseJson refuses more than 100,000 brackets and commas before it parses them, and nothing below', (t) => {
  t.is((parseJson(`[${Array(99_999).fill('1').join()}]`) as unknown[]).length, 99_999)
  t.is((parseJson(`[${Array(33_333).fill('[]').join()}]`) as unknown[]).length, 33_333)
  for (const text of [
    `[${Array(100_000).fill('1').join()}]`,
    `[${Array(33_334).fill('[]').join()}]`,
    `[${Array(50_000).fill('[]').join()}]`,
    `[${Array(50_000).fill('{}').join()}]`,
    // Invalid JSON, which is rejected before the parser sees it.
    ','.repeat(100_001),
  ])
    t.throws(() => parseJson(text), {
      instanceOf: SyntaxError,
      message: /more than 100000 brackets and commas/,
    })
})

test('parseJson counts no brackets and commas in text', (t) => {
  for (const text of ['[{,'.repeat(100_000), '\\",'.repeat(100_000), '\\\\'.repeat(100_000)])
    t.is((parseJson(`["${text}", "${text}"]`) as string[]).length, 2)
})
