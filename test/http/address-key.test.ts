import fc from 'fast-check'
import { addressKey } from '../../src/http/ip-address.ts'
import test from '../_test.ts'

test('an IPv4 address is one client, also when it came through an IPv6 socket, however that is spelled', (t) => {
  for (const spelling of [
    '192.0.2.7',
    '::ffff:192.0.2.7',
    '::FFFF:192.0.2.7',
    '::ffff:c000:207',
    '0:0:0:0:0:ffff:c000:0207',
  ])
    t.is(addressKey(spelling), '192.0.2.7', spelling)
  t.not(addressKey('192.0.2.7'), addressKey('192.0.2.8'))
})

test('all addresses of an IPv6 /64 are one client, and the addresses of the next /64 are another client', (t) => {
  const own = addressKey('2001:db8:1:2::1')
  for (const spelling of [
    '2001:db8:1:2:ffff:ffff:ffff:ffff',
    '2001:0DB8:0001:0002::',
    '2001:db8:1:2::192.0.2.7',
    '2001:db8:1:2::1%eth0',
  ])
    t.is(addressKey(spelling), own, spelling)
  for (const other of ['2001:db8:1:3::1', '2001:db8::1:2:0:1', '::1', '2001:db8:1::2'])
    t.not(addressKey(other), own, other)
})

test('whatever is no address is one client together', (t) => {
  for (const rubbish of ['', 'unknown', '1.2.3', '1.2.3.4.5', '::g', '1:2', "';--"])
    t.is(addressKey(rubbish), 'unknown')
})

test('an IPv6 address is the same client in every spelling, and so is each address with the same first four groups', (t) => {
  const groups = fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 })
  fc.assert(
    fc.property(groups, fc.array(fc.nat(0xffff), { minLength: 4, maxLength: 4 }), (own, others) => {
      const spell = (parts: number[], digits: number) =>
        parts.map((part) => part.toString(16).padStart(digits, '0')).join(':')
      const neighbour = [...own.slice(0, 4), ...others]
      const isSpecial = own.slice(0, 4).every((part) => part === 0)
      t.is(addressKey(spell(own, 1)), addressKey(spell(own, 4).toUpperCase()))
      if (!isSpecial) t.is(addressKey(spell(own, 1)), addressKey(spell(neighbour, 1)))
    }),
  )
})
