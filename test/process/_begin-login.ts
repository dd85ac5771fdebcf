import { once } from 'node:events'
import { connect } from 'node:net'

/** Begins a login of anna and sends all but the last byte. `finish` sends it and returns the response. */
export function beginLogin(url: string) {
  const { hostname, port } = new URL(url)
  const body = JSON.stringify({ username: 'anna', password: 'correct horse' })
  const socket = connect(Number(port), hostname)
  socket.setEncoding('utf8')
  let received = ''
  socket.on('data', (chunk: string) => {
    received += chunk
  })
  socket.write(
    `POST /login HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`,
  )
  const begun = once(socket, 'data').then(() => {
    received = ''
    socket.write(body.slice(0, -1))
  })
  return {
    begun,
    finish: async () => {
      const ended = once(socket, 'close')
      socket.write(body.slice(-1))
      await ended
      return received
    },
  }
}
