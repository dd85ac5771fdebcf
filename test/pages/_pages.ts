import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type AppOptions, quick, startApp, type TestApp } from '../_app.ts'
import { type FakeProvider, startFakeProvider } from '../_fake-provider.ts'
import { findFreePort } from '../_postgres.ts'

/** A gateway that a browser can reach at its public URL, two providers, and an app as redirect target. */
export type Stage = {
  app: TestApp
  fake: FakeProvider
  /** The public URL of the gateway. */
  url: string
  /** The redirect target in the app. */
  home: string
  stop(): Promise<void>
}

/** Starts the stage. The providers ask for consent before they redirect. */
export async function startPages({ env = {}, ...options }: AppOptions = {}): Promise<Stage> {
  const [fake, client, port] = await Promise.all([startFakeProvider(), startClient(), findFreePort()])
  fake.askForConsent(true)
  const url = `http://localhost:${port}`
  const app = await startApp({
    engine: quick,
    ...options,
    env: {
      PORT: String(port),
      AUTH_PUBLIC_URL: url,
      AUTH_REDIRECT_ORIGINS: client.url,
      // Also as a sister site of the gateway, to which browsers send its cookies.
      AUTH_CORS_ORIGINS: `${client.url} ${client.url.replace('127.0.0.1', 'localhost')}`,
      ...fake.github.environment,
      ...fake.google.environment,
      ...env,
    },
  })
  return {
    app,
    fake,
    url,
    home: `${client.url}/welcome`,
    stop: async () => {
      await Promise.all([app.close(), fake.stop(), client.stop()])
    },
  }
}

/** Starts an app: a page of another origin. It redirects once more, as many apps do. */
async function startClient(): Promise<{ url: string; stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    const { pathname, search, searchParams } = new URL(request.url ?? '/', 'http://client.test')
    const isFirst = pathname === '/welcome' && !searchParams.has('again')
    if (isFirst) {
      response.writeHead(302, { location: `http://localhost:${port}/welcome${search}&again=1` }).end()
      return
    }
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end('<!doctype html><html lang="en"><title>App</title><h1>Welcome</h1></html>')
  }).listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
