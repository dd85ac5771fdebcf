import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Cookies, cookieHeader, keepCookies } from '../test/_cookies.ts'
import { findFreePort } from '../test/_postgres.ts'
import { startProcess } from '../test/_process.ts'
import {
  ada,
  dexVersion,
  keycloakVersion,
  type Peer,
  type Place,
  startDex,
  startKeycloak,
} from './openid-peers.ts'

type Session = { username: string; roles: string[]; token: string; refreshToken: string }
type Page = { url: string; status: number; text: string }
/** Records a result: prints it, and makes the run fail when it is false. */
type Check = (what: string, isTrue: boolean, seen?: unknown) => void

const root = fileURLToPath(new URL('../../', import.meta.url))
const { values: given } = parseArgs({
  options: { keycloak: { type: 'string' }, dex: { type: 'string' } },
})
if (!given.keycloak && !given.dex)
  throw new Error('Name a peer: --keycloak <folder of an unpacked Keycloak>, --dex <program, such as dex>')

let failures = 0
const check: Check = (what, isTrue, seen) => {
  if (!isTrue) failures++
  console.log(`${isTrue ? 'ok    ' : 'FAILED'} ${what}${isTrue ? '' : `: ${JSON.stringify(seen)}`}`)
}

const { keycloak, dex } = given
if (keycloak) await tryPeer('keycloak', keycloakVersion(keycloak), (place) => startKeycloak(keycloak, place))
if (dex) await tryPeer('dex', dexVersion(dex), (place) => startDex(dex, place))
if (failures > 0) throw new Error(`${failures} checks failed`)

/** Starts a provider, and a gateway that knows it by its variables alone. Signs in, and checks the results. */
async function tryPeer(name: string, version: string, start: (place: Place) => Promise<Peer>): Promise<void> {
  console.log(version)
  const folder = await mkdtemp(join(tmpdir(), 'claimgate-peer-'))
  const [port, gatewayPort] = [await findFreePort(), await findFreePort()]
  const gateway = `http://127.0.0.1:${gatewayPort}`
  const stops: (() => Promise<unknown>)[] = []
  try {
    const peer = await start({ port, gateway, folder })
    stops.unshift(peer.stop)
    const prefix = `AUTH_${name.toUpperCase()}_`
    const env = {
      AUTH_DATA_DIR: join(folder, 'data'),
      AUTH_PUBLIC_URL: gateway,
      PORT: String(gatewayPort),
      ...Object.fromEntries(Object.entries(peer.variables).map(([key, value]) => [prefix + key, value])),
    }
    const claimgate = join(root, 'dist/src/cli/main.js')
    execFileSync(process.execPath, [claimgate, 'role', 'create', 'editor'], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    const { stop } = await startProcess(env, folder)
    stops.unshift(stop)
    await trySignIns(name, gateway, peer)
    if (!peer.endSessions) return
    await tryConfirmation(name, gateway)
    await tryLogout(name, gateway, peer.endSessions)
    await trySignOut(name, gateway)
  } finally {
    for (const stop of stops) await stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Signs in by the form of the provider, and again after a rotation of its keys. */
async function trySignIns(name: string, gateway: string, { user, rotate }: Peer): Promise<void> {
  const browser = openBrowser()
  const session = readSession(await signIn(browser, `${gateway}/auth/${name}`))
  const profile = await fetch(`${gateway}/user`, { headers: { Authorization: `Bearer ${session.token}` } })
  const { email, emailVerified, identities } = (await profile.json()) as Record<string, unknown>
  check('the username', session.username === user.username, session.username)
  check('the address, which is verified', email === user.email && emailVerified === true, email)
  check('one identity', Array.isArray(identities) && identities.length === 1, identities)
  check(`the role of the group ${user.groups}`, session.roles.join() === 'editor,user', session.roles)
  await rotate()
  const later = await signIn(openBrowser(), `${gateway}/auth/${name}`)
  check('a sign-in with a new key of the provider', readSession(later).username === user.username, later)
}

/** Confirms a session on a page, at a provider that remembers the browser. */
async function tryConfirmation(name: string, gateway: string): Promise<void> {
  const browser = openBrowser()
  await signIn(browser, `${gateway}/signin/${name}`)
  const again = await browser.visit(`${gateway}/auth/${name}`)
  check('a second sign-in without a form', again.url.startsWith(gateway), again)
  // Providers count the age of an authentication in whole seconds.
  await sleep(2000)
  const asked = await browser.visit(`${gateway}/account/confirm/${name}`)
  check('a confirmation asks for the password at the provider', !asked.url.startsWith(gateway), asked)
  const confirmed = await browser.submit(asked)
  check('the confirmation ends', confirmed.url === `${gateway}/account?done=confirmed`, confirmed)
}

/** Ends a session from the provider, by a logout token. */
async function tryLogout(name: string, gateway: string, endSessions: () => Promise<void>): Promise<void> {
  const { token } = readSession(await signIn(openBrowser(), `${gateway}/auth/${name}`))
  const ask = () => fetch(`${gateway}/user`, { headers: { Authorization: `Bearer ${token}` } })
  const statuses = [(await ask()).status]
  await endSessions()
  statuses.push((await ask()).status)
  check('the end of the sessions at the provider ends those here', statuses.join() === '200,401', statuses)
}

/** Signs out here and at the provider, which asks the user. The next sign-in shows the form again. */
async function trySignOut(name: string, gateway: string): Promise<void> {
  const browser = openBrowser()
  const { refreshToken } = readSession(await signIn(browser, `${gateway}/auth/${name}`))
  const answer = await fetch(`${gateway}/logout`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ refreshToken, provider: true }),
  })
  const { url } = (await answer.json()) as { url: string }
  const end = await browser.submit(await browser.visit(url))
  check('a sign-out at the provider comes back', end.url === `${gateway}/signed-out`, end)
  const next = await browser.visit(`${gateway}/auth/${name}`)
  check('the next sign-in shows the form', !next.url.startsWith(gateway), next)
}

/** Follows a sign-in to its end, through the form of the provider if it shows one. */
async function signIn(browser: Browser, url: string): Promise<Page> {
  const page = await browser.visit(url)
  return page.text.includes('type="password"') ? browser.submit(page) : page
}

function readSession({ url, status, text }: Page): Session {
  if (status !== 200) throw new Error(`${url} answers ${status}: ${text}`)
  return JSON.parse(text)
}

type Browser = ReturnType<typeof openBrowser>

/** Returns a browser without scripts. It keeps cookies by origin, and follows redirects. */
function openBrowser() {
  const jars = new Map<string, Cookies>()

  async function visit(address: string, form?: URLSearchParams): Promise<Page> {
    let url = new URL(address)
    let body = form
    for (let hops = 0; hops < 15; hops++) {
      const cookies = jars.get(url.origin) ?? new Map()
      jars.set(url.origin, cookies)
      const answer = await fetch(url, {
        redirect: 'manual',
        headers: { ...cookieHeader(cookies), 'Sec-Fetch-Site': 'same-origin' },
        ...(body && { method: 'POST', body }),
      })
      const text = await answer.text()
      keepCookies(cookies, answer.headers)
      const location = answer.headers.get('location')
      if (location === null) return { url: url.href, status: answer.status, text }
      url = new URL(location, url)
      body = undefined
    }
    throw new Error(`too many redirects from ${address}`)
  }

  return {
    visit,
    /** Sends the form of a page, with the name and password of the user for its empty fields. */
    submit: ({ url, text }: Page): Promise<Page> => {
      const [, action = ''] = /<form[^>]*\baction="([^"]*)"/.exec(text) ?? []
      const fields = new URLSearchParams({ username: ada.username, password: ada.password })
      for (const [, name = '', value = ''] of text.matchAll(
        /<input[^>]*\btype="(?:hidden|submit)"[^>]*\bname="([^"]+)"[^>]*\bvalue="([^"]*)"/g,
      ))
        fields.set(name, value)
      return visit(new URL(action.replaceAll('&amp;', '&'), url).href, fields)
    },
  }
}
