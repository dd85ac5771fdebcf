import { maskAddress } from '../../src/http/ip-address.ts'
import test from '../_test.ts'

test('an IPv4 address is shown as its /24, an IPv6 address as its /48, whatever its spelling', (t) => {
  for (const [address, network] of [
    ['192.0.2.77', '192.0.2.0/24'],
    ['2001:db8:85a3:8d3:1319:8a2e:370:7348', '2001:db8:85a3::/48'],
    ['2001:0DB8:0000::1', '2001:db8:0::/48'],
    ['2001:db8::', '2001:db8:0::/48'],
    ['::1', '0:0:0::/48'],
    ['::2:3:4:5:6:7:8', '0:2:3::/48'],
    ['64:ff9b::192.0.2.77', '64:ff9b:0::/48'],
    ['fe80::1%eth0', 'fe80:0:0::/48'],
  ] as const) {
    t.is(maskAddress(address), network)
  }
})

test('what is no address is not shown at all', (t) => {
  for (const text of ['', 'localhost', '1.2.3', '::1::', 'a secret']) t.is(maskAddress(text), undefined)
})
