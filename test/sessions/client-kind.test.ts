import { clientKind } from '../../src/sessions/client-kind.ts'
import test from '../_test.ts'

const kindOf = (userAgent: string) => clientKind(userAgent, '203.0.113.7')?.split(' ').slice(0, 2).join(' ')
const webkit = 'AppleWebKit/537.36 (KHTML, like Gecko)'

for (const [kind, userAgent] of [
  ['firefox windows', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0'],
  [
    'firefox ios',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 FxiOS/145.0 Safari/605.1',
  ],
  ['chrome android', `Mozilla/5.0 (Linux; Android 10; K) ${webkit} Chrome/143.0.0.0 Mobile Safari/537.36`],
  ['chrome chromeos', `Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${webkit} Chrome/143.0.0.0 Safari/537.36`],
  ['edge windows', `Mozilla/5.0 (Windows NT 10.0) ${webkit} Chrome/143.0.0.0 Safari/537.36 Edg/143.0.0.0`],
  [
    'opera macos',
    `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${webkit} Chrome/142.0.0.0 Safari/537.36 OPR/126.0`,
  ],
  [
    'samsung android',
    `Mozilla/5.0 (Linux; Android 10; K) ${webkit} SamsungBrowser/29.0 Chrome/136.0 Mobile Safari/537.36`,
  ],
  [
    'safari ios',
    'Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Safari/604.1',
  ],
  [
    'safari macos',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.1 Safari/605.1.15',
  ],
  ['MyApp unknown', 'MyApp/3.2.1 CFNetwork/1568.200.51 Darwin/24.1.0'],
  ['okhttp unknown', 'okhttp/4.12.0'],
  ['unknown unknown', ''],
] as const)
  test(`the kind of "${userAgent.slice(0, 60)}…" is ${kind}`, (t) => {
    t.is(kindOf(userAgent), kind)
    t.is(kindOf(userAgent.replaceAll(/\/\d+/g, '/999')), kind)
  })

test('a kind has the network of the client, and an unknown network has none', (t) => {
  t.is(clientKind('okhttp/4', '203.0.113.7'), 'okhttp unknown 203.0.113.0/24')
  t.is(clientKind('okhttp/4', '2001:db8:1:2::3'), 'okhttp unknown 2001:db8:1::/48')
  t.is(clientKind('okhttp/4', ''), null)
})
