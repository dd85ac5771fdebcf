import { type Answer, type Connection, openConnection, writeRequest } from './connection.ts'

/** The result of one run: answers, answers per second, and the 99th percentile in milliseconds. */
export type Rate = { answers: number; perSecond: number; p99: number }

export type Post = (path: string, body: object) => Promise<Record<string, string>>

type Headers = Record<string, string> | Record<string, string>[]

/**
 * Requests one URL repeatedly on `connections` connections for `seconds` seconds, with the headers, or with each of
 * several in turn. Throws when a response is not 200.
 */
export function loadGet(
  url: string,
  connections: number,
  seconds: number,
  headers: Headers = {},
): Promise<Rate> {
  return repeatGet(url, connections, headers, (_, elapsed) => elapsed >= seconds * 1000)
}

/**
 * Creates a load like `loadGet` that begins with the headers after the last request of the load before. A cache that
 * holds fewer than all headers therefore never has the next ones, however short a load is.
 */
export function loadInTurn(headers: Record<string, string>[]) {
  let at = 0
  return async (url: string, connections: number, seconds: number): Promise<Rate> => {
    const rate = await loadGet(url, connections, seconds, [...headers.slice(at), ...headers.slice(0, at)])
    at = (at + rate.answers) % headers.length
    return rate
  }
}

/** Requests one URL `count` times on 8 connections. Throws when a response is not 200. */
export function loadCount(url: string, count: number, headers: Headers): Promise<Rate> {
  return repeatGet(url, 8, headers, (sent) => sent >= count)
}

async function repeatGet(
  url: string,
  connections: number,
  headers: Headers,
  isOver: (sent: number, elapsed: number) => boolean,
): Promise<Rate> {
  const requests = [headers].flat().map((each) => writeRequest('GET', url, each))
  const times: number[] = []
  let sent = 0
  const beganAt = performance.now()
  const next = (now: number) => (isOver(sent, now - beganAt) ? undefined : requests[sent++ % requests.length])
  await Promise.all(Array.from({ length: connections }, () => runConnection(url, next, times)))
  return rateOf(times, beganAt)
}

/** Sends the requests that `next` returns, one after the other, without an object or a promise for each. */
function runConnection(
  url: string,
  next: (now: number) => Buffer | undefined,
  times: number[],
): Promise<void> {
  let connection: Connection
  let beganAt = 0
  return new Promise<void>((resolve, reject) => {
    const sendNext = () => {
      const now = performance.now()
      if (beganAt > 0) times.push(now - beganAt)
      const request = next(now)
      if (request === undefined) return resolve()
      beganAt = now
      connection.send(request)
    }
    const answered = (isOk: boolean, read: () => Answer) => {
      if (isOk) return sendNext()
      const { status, body } = read()
      reject(new Error(`GET ${url}: ${status} ${body}`))
    }
    openConnection(url, { answered, failed: reject }).then((opened) => {
      connection = opened
      sendNext()
    }, reject)
  }).finally(() => connection?.close())
}

/** Runs `inFlight` concurrent loops of `work` for `seconds` seconds; `work` receives the number of its loop. */
export async function loadLoops(
  inFlight: number,
  seconds: number,
  work: (loop: number) => Promise<unknown>,
): Promise<Rate> {
  const started = performance.now()
  const end = started + seconds * 1000
  const times: number[] = []
  const run = async (loop: number) => {
    while (performance.now() < end) {
      const begin = performance.now()
      await work(loop)
      times.push(performance.now() - begin)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, (_, loop) => run(loop)))
  return rateOf(times, started)
}

function rateOf(times: number[], beganAt: number): Rate {
  const elapsed = (performance.now() - beganAt) / 1000
  times.sort((a, b) => a - b)
  return {
    answers: times.length,
    perSecond: times.length / elapsed,
    p99: times[Math.floor(times.length * 0.99)] ?? 0,
  }
}

/** A connection whose answers are promises. */
type Exchange = { send(request: Buffer): Promise<Answer>; isOpen(): boolean }

/** Posts JSON over persistent connections, one for each concurrent request. Throws when a response is not 200. */
export function createPost(base: string): Post {
  let free: Exchange[] = []
  return async (path, body) => {
    free = free.filter((exchange) => exchange.isOpen())
    const exchange = free.pop() ?? (await openExchange(base))
    const answer = await exchange.send(writeRequest('POST', base + path, {}, body))
    free.push(exchange)
    if (answer.status !== 200) throw new Error(`POST ${path}: ${answer.status} ${answer.body}`)
    return JSON.parse(answer.body)
  }
}

async function openExchange(base: string): Promise<Exchange> {
  let waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined
  const { send, isOpen } = await openConnection(base, {
    answered: (_, read) => waiting?.resolve(read()),
    failed: (error) => waiting?.reject(error),
  })
  return {
    isOpen,
    send: (request) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        send(request)
      }),
  }
}
