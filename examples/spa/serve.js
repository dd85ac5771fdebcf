// Serves the app on the loopback, for trying it out, with a stand-in for Hasura. Any web server can serve the files.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { pathToFileURL } from 'node:url'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { config } from './config.js'

const types = { html: 'text/html', js: 'text/javascript', css: 'text/css' }
const files = ['app.js', 'gateway.js', 'graphql.js', 'index.html', 'session.js', 'sign-in.js', 'style.css']

/** Listens on the loopback. `settings` replace what config.js says. */
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
    if (!files.includes(name)) return send(response, 404, 'text/plain', 'There is nothing here.', headers)
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
 * Stands in for Hasura: it checks the token like Hasura does, by the public keys of the gateway, and answers one
 * question, `{ user { id username } }`, as a `user` table would whose rows people may see only of themselves.
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
        return answer({ errors: [{ message: 'The stand-in for Hasura does not know this question' }] })
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
    if (text.length > 10_000) throw new Error('The question is too long')
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
