import { ConnectionStringError } from '../../src/database/connection-parameters.ts'
import {
  parseConnectionString,
  type ServerAddress,
  withDefaultSslmode,
} from '../../src/database/connection-string.ts'
import test from '../_test.ts'

type Expected = Partial<Omit<ServerAddress, 'tls'>> & { mode?: string }

const one = (host?: string, port?: number) => ({ hosts: [{ host, port }] as ServerAddress['hosts'] })

const accepted: [text: string, expected: Expected][] = [
  ['postgres://anna:pw@db:5433/app', { user: 'anna', password: 'pw', database: 'app', ...one('db', 5433) }],
  ['postgresql://db', { user: undefined, password: undefined, database: undefined, ...one('db') }],
  ['postgres://', one()],
  ['postgres:///app', { database: 'app', ...one() }],
  ['postgres://anna@/app?host=/run/postgresql', { user: 'anna', database: 'app', ...one('/run/postgresql') }],
  ['postgres://anna@%2Frun%2Fpostgresql/app', one('/run/postgresql')],
  ['postgres://a@[::1]:5433/app', one('::1', 5433)],
  ['postgres://a@[::1]/app', one('::1')],
  ['postgres://db:/app', one('db')],
  ['postgres://?host=db&port=5433&user=anna&password=p%40w&dbname=app', { user: 'anna', password: 'p@w' }],
  [
    'postgres://u:p@h1:5432,h2:5433/db?target_session_attrs=read-write',
    {
      password: 'p',
      database: 'db',
      target: 'read-write',
      hosts: [
        { host: 'h1', port: 5432 },
        { host: 'h2', port: 5433 },
      ],
    },
  ],
  [
    'postgres://u@/db?host=h1,h2&port=5433',
    {
      hosts: [
        { host: 'h1', port: 5433 },
        { host: 'h2', port: 5433 },
      ],
    },
  ],
  // Characters of a password that other parsers read as the end of it.
  ['postgres://u:a#b@h/db', { user: 'u', password: 'a#b', database: 'db', ...one('h') }],
  ['postgres://u:a/b@h/db', { user: 'u', password: 'a/b', database: 'db', ...one('h') }],
  ['postgres://u:a?b@h/db', { user: 'u', password: 'a?b', database: 'db', ...one('h') }],
  ['postgres://u:a@b@h/db', { user: 'u', password: 'a@b', database: 'db', ...one('h') }],
  ['postgres://u:a:b@h/db', { user: 'u', password: 'a:b', database: 'db', ...one('h') }],
  ['postgres://u:a[b]@h/db', { password: 'a[b]', ...one('h') }],
  ['postgres://u:a b@h/db', { password: 'a b' }],
  ['postgres://u:12/b@h/db', { user: 'u', password: '12/b', ...one('h') }],
  ['postgres://u:p@w?x=1@h/db', { user: 'u', password: 'p@w?x=1', ...one('h') }],
  ['postgres://u:100%@h/db', { password: '100%' }],
  ['postgres://u:a%zb@h/db', { password: 'a%zb' }],
  ['postgres://u:100%25@h/db', { password: '100%' }],
  ['postgres://u:%C3%A9@h/d%20b', { password: 'é', database: 'd b' }],
  ['postgres://u:p+w@h/db?sslrootcert=/a+b', { password: 'p+w' }],
  ['postgres://u:p@h/db?application_name=a@b', { password: 'p', applicationName: 'a@b' }],
  ['postgres://u:p@h/db?sslmode=require&channel_binding=require', { mode: 'require', channelBinding: true }],
  ['postgres://u:p@h/db?sslmode=allow', { mode: 'allow' }],
  ['postgres://u:p@h/db?ssl=true', { mode: 'verify-full' }],
  ['postgres://u:p@h/db?sslaccept=accept_invalid_certs', { mode: 'require' }],
  ['postgres://u:p@h/db?sslmode=require&sslaccept=strict', { mode: 'verify-full' }],
  ['postgres://u:p@h/db?sslrootcert=/ca.pem', { mode: 'verify-full' }],
  ['postgres://u:p@h/db?sslrootcert=system', { mode: 'verify-full' }],
  ['postgres://u:p@h/db?sslnegotiation=direct&sslmode=require', { mode: 'require' }],
  ['postgres://u:p@h/db?connect_timeout=3', { connectTimeout: 3 }],
  ['postgres://u:p@h/db?connect_timeout=0', { connectTimeout: undefined }],
  ['postgres://u:p@h/db?schema=auth&pgbouncer=true', { schema: 'auth' }],
  [
    'postgres://u:p@h/db?options=-c%20search_path=auth,public',
    { schema: undefined, session: { search_path: 'auth,public' } },
  ],
  [
    'postgres://u:p@h/db?options=-csearch_path%3D%22My%5C%20auth%22',
    { schema: undefined, session: { search_path: '"My auth"' } },
  ],
  [
    'postgres://u:p@h/db?options=-c+search_path%3D%22%24user%22+-c+work-mem=8MB',
    { schema: undefined, session: { search_path: '"$user"', work_mem: '8MB' } },
  ],
]

for (const [text, expected] of accepted)
  test(`${text} is read as libpq reads it`, (t) => {
    const { tls, ...address } = parseConnectionString(text)
    t.like({ ...address, mode: tls.mode }, expected)
  })

const rejected: [text: string, message: RegExp][] = [
  ['mysql://u:secret@h/db', /^must be a postgres:\/\/ URL$/],
  ['secret', /^must be a postgres:\/\/ URL$/],
  ['"postgres://u:secret@h/db"', /^must be a postgres:\/\/ URL$/],
  ['postgres://u:secret@::1/db', /IPv6 address without brackets: write it as \[::1\]:5432/],
  ['postgres://u:secret@h:five/db', /port must be a number.*%40 %3A %2F %3F %23/],
  ['postgres://u:secret@h:70000/db', /port that is not a number from 1 to 65535/],
  ['postgres://u:secret@h/a/b', /database name.* %2F/],
  ['postgres://u:50%%25secret@h/db', /% in its password .* %25/],
  ['postgres://u:secret%ff@h/db', /% in its password .* %25/],
  ['postgres://u@h1,h2,h3/db?port=1,2', /3 hosts and 2 ports/],
  ['postgres://u:secret@h/db?sslmod=require', /parameter sslmod, which is not supported: remove it/],
  ['postgres://u:secret@h/db?constructor=1', /parameter constructor, which is not supported: remove it$/],
  ['postgres://u:secret@h/db?connection_limit=5', /connection_limit.*: set AUTH_DATABASE_POOL instead/],
  ['postgres://u:secret@h/db?pool_timeout=5', /pool_timeout.*: set AUTH_DATABASE_TIMEOUT instead/],
  ['postgres://u:a?secret=1@h/db?x=1', /parameter x, /],
  ['postgres://u:secret@h/db?sslmode=nonsense', /unknown sslmode; it must be one of disable, allow, prefer/],
  ['postgres://u:secret@h/db?sslmode=verify-ca', /verify-ca without sslrootcert/],
  ['postgres://u:secret@h/db?sslmode=require&sslrootcert=system', /sslrootcert=system .*: use verify-full/],
  ['postgres://u:secret@h/db?sslnegotiation=direct', /sslnegotiation=direct: add sslmode=require/],
  ['postgres://u:secret@h/db?sslmode=prefer&sslnegotiation=direct', /: add sslmode=require/],
  ['postgres://u:secret@h/db?target_session_attrs=x', /unknown target_session_attrs; .* read-write/],
  ['postgres://u:secret@h/db?options=endpoint%3Dx', /options other than -c name=value/],
  ['postgres://u:secret@h/db?gssencmode=require', /unknown gssencmode/],
  ['postgres://u:secret@h/db?connect_timeout=soon', /connect_timeout that is not a number/],
]

for (const [text, message] of rejected)
  test(`${text} is rejected with the reason, and without the password`, (t) => {
    const error = t.throws(() => parseConnectionString(text), { instanceOf: ConnectionStringError, message })
    t.notRegex(String(error?.message), /secret/)
  })

test('a default sslmode is added only to a connection string without TLS parameters', (t) => {
  t.is(withDefaultSslmode('postgres://u:a?b@h/db', 'require'), 'postgres://u:a?b@h/db?sslmode=require')
  t.is(withDefaultSslmode('postgres://h/db?port=1', 'require'), 'postgres://h/db?port=1&sslmode=require')
  t.is(withDefaultSslmode('postgres://h/db?', 'require'), 'postgres://h/db?sslmode=require')
  t.is(withDefaultSslmode('postgres://h?sslmode=disable', 'require'), 'postgres://h?sslmode=disable')
})
