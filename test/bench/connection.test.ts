import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { openConnection, writeRequest } from '../../bench/connection.ts'
import { createPost, loadCount } from '../../bench/load.ts'
import { createMessageReader } from '../../bench/round-trips.ts'
import test, { type ExecutionContext } from '../_test.ts'

/** Starts a server that answers each chunk of a client by `answer`; returns its address. */
async function serve(t: ExecutionContext, answer: (socket: Socket, chunk: Buffer) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.setNoDelay().on('error', () => {}))
    socket.on('data', (chunk) => answer(socket, chunk))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const answerOf = (body: string, status = '200 OK') =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n${body}`

test('loadCount() sends as many requests as asked for, with the headers in turn', async (t) => {
  const seen: string[] = []
  const base = await serve(t, (socket, chunk) => {
    seen.push(/authorization: (\w)/.exec(chunk.toString())?.[1] ?? '')
    // Answers of another length than the one before.
    socket.write(answerOf('x'.repeat(seen.length % 3)))
  })
  const rate = await loadCount(`${base}/user`, 20, [{ authorization: 'a' }, { authorization: 'b' }])
  t.is(rate.answers, 20)
  t.is(seen.filter((each) => each === 'a').length, 10)
  t.is(seen.filter((each) => each === 'b').length, 10)
})

test('an answer in several pieces is one answer', async (t) => {
  const base = await serve(t, (socket) => {
    const [first = '', second = ''] = answerOf('{"a":"b"}').split('"a"')
    socket.write(first)
    setImmediate(() => socket.write(`"a"${second}`))
  })
  const post = createPost(base)
  t.deepEqual(await post('/login', {}), { a: 'b' })
  t.deepEqual(await post('/login', {}), { a: 'b' })
})

test('a load ends with the first answer that is not 200, also if it is as long as the others', async (t) => {
  let answers = 0
  const base = await serve(t, (socket) =>
    socket.write(answerOf('text', answers++ < 10 ? '200 OK' : '401 No')),
  )
  await t.throwsAsync(loadCount(`${base}/user`, 100, {}), { message: `GET ${base}/user: 401 text` })
})

test('a connection that the server closes rejects the request', async (t) => {
  const base = await serve(t, (socket) => socket.destroy())
  await t.throwsAsync(createPost(base)('/login', {}), { message: 'the connection was closed' })
  const failed = new Promise<Error>((resolve, reject) => {
    openConnection(base, { answered: () => reject(new Error('answered')), failed: resolve }).then(
      ({ send }) => send(writeRequest('GET', base)),
    )
  })
  t.is((await failed).message, 'the connection was closed')
})

test('the types of PostgreSQL messages are read from chunks of any size', (t) => {
  const message = (type: string, length: number) => {
    const bytes = Buffer.alloc(5 + length, type)
    bytes.writeUInt32BE(4 + length, 1)
    return bytes
  }
  const bytes = Buffer.concat([message('T', 30), message('D', 0), message('C', 7), message('Z', 1)])
  for (const size of [1, 3, 7, 1000]) {
    const types: string[] = []
    const read = createMessageReader((type) => types.push(String.fromCharCode(type)))
    for (let start = 0; start < bytes.length; start += size) read(bytes.subarray(start, start + size))
    t.deepEqual(types, ['T', 'D', 'C', 'Z'])
  }
})
