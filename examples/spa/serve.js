// Serves the app on the loopback address for trials, with a Hasura mock. Any web server can serve the files.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { pathToFileURL } from 'node:url'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { config } from './config.js'

const types = { html: 'text/html', js: 'text/javascript', css: 'text/css' }
const files = ['app.js', 'gateway.js', 'graphql.js', 'index.html', 'session.js', 'sign-in.js', 'style.css']

/** Listens on the loopback address. `settings` override config.js. */
export function serve(port, settings = {}) {
  const all = { ...config, ...settings }
  const answerGraphql = createStandIn(all.gateway)
  const headers = {
    'Cache-Control': 'no-store',
    'Content-Security-Policy': `default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' ${origins(all)}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  }
  const server = createServer(async (request, response) => {
    const [path] = request.url.split('?')
    const name = path === '/' ? 'index.html' : path.slice(1)
    if (request.method === 'POST' && name === 'v1/graphql') return answerGraphql(request, response)
    if (name === 'config.js')
      return send(response, 200, 'text/javascript', `export const config = ${JSON.stringify(all)}`, headers)
    if (!files.includes(name)) return send(response, 404, 'text/plain', 'Not found', headers)
    const content = await readFile(new URL(name, import.meta.url))
    send(response, 200, types[name.split('.').at(-1)], content, headers)
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, 'localhost', () => resolve(server))
  })
}

function origins({ gateway, graphql }) {
  return [gateway, graphql]
    .filter((url) => URL.canParse(url))
    .map((url) => new URL(url).origin)
    .join(' ')
}

/**
 * Returns a Hasura mock. It checks the token by the gateway's public keys, as Hasura does, and answers one query,
 * `{ user { id username } }`, with the row of the signed-in user.
 */
function createStandIn(gateway) {
  const keys = createRemoteJWKSet(new URL(`${gateway}/jwks`))
  return async (request, response) => {
    const answer = (body) => send(response, 200, 'application/json', JSON.stringify(body))
    const [, token = ''] = (request.headers.authorization ?? '').split('Bearer ')
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: gateway,
        audience: 'hasura',
        clockTolerance: 30,
      })
      const { query } = JSON.parse(await read(request))
      if (query.replace(/\s+/g, ' ') !== '{ user { id username } }')
        return answer({ errors: [{ message: 'The Hasura mock answers only { user { id username } }' }] })
      answer({ data: { user: [{ id: payload.sub, username: payload.name }] } })
    } catch (error) {
      answer({ errors: [{ message: error.message, extensions: { code: 'invalid-jwt' } }] })
    }
  }
}

async function read(request) {
  let text = ''
  for await (const part of request) {
    text += part
    if (text.length > 10_000) throw new Error('The query is longer than 10000 characters')
  }
  return text
}

function send(response, status, type, body, headers = {}) {
  response.writeHead(status, { ...headers, 'Content-Type': `${type}; charset=utf-8` }).end(body)
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { GATEWAY_URL: gateway, GRAPHQL_URL: graphql } = process.env
  const server = await serve(5173, { ...(gateway && { gateway }), ...(graphql && { graphql }) })
  process.stdout.write(`The app is at http://localhost:${server.address().port}\n`)
}
