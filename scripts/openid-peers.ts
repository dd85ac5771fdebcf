import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** The user of the sign-ins by password. */
export const ada = { username: 'ada', email: 'ada@mail.test', password: 'correct horse battery' }

/** A running OpenID provider with a client for the gateway. */
export type Peer = {
  /** The variables of the gateway without their prefix `AUTH_<NAME>_`. */
  variables: Record<string, string>
  /** The user whom the provider signs in, and the groups that it sends. */
  user: { username: string; email: string; groups: string[] }
  /** Makes the provider sign with a new key, which its JWKS has. */
  rotate(): Promise<void>
  /** Ends the sessions of the user at the provider, which tells the gateway; undefined for one without sessions. */
  endSessions?(): Promise<void>
  /** Ends the processes of the provider. */
  stop(): Promise<void>
}

/** The addresses of a peer and of the gateway, and a folder for files of the peer. */
export type Place = { port: number; gateway: string; folder: string }

const client = { id: 'claimgate', secret: 'a secret of the client 0123456789' }

/** Returns the version of an unpacked Keycloak. */
export function keycloakVersion(home: string): string {
  return readFileSync(join(home, 'version.txt'), 'utf8').trim()
}

/** Starts Keycloak from its folder in development mode, with a realm, a client with a mapper of groups, and a user. */
export async function startKeycloak(home: string, { port, gateway }: Place): Promise<Peer> {
  const url = `http://127.0.0.1:${port}`
  const administrator = { username: 'administrator', password: 'a password for this run' }
  const stop = await startServer(
    join(home, 'bin/kc.sh'),
    ['start-dev', '--db=dev-mem', '--http-host=127.0.0.1', `--http-port=${port}`],
    {
      KC_BOOTSTRAP_ADMIN_USERNAME: administrator.username,
      KC_BOOTSTRAP_ADMIN_PASSWORD: administrator.password,
    },
    `${url}/realms/master/.well-known/openid-configuration`,
  )

  async function administer(method: string, path: string, body?: object): Promise<unknown> {
    const form = new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', ...administrator })
    const token = await fetch(`${url}/realms/master/protocol/openid-connect/token`, {
      method: 'POST',
      body: form,
    })
    const { access_token: bearer } = (await token.json()) as { access_token: string }
    const answer = await fetch(`${url}/admin/realms${path}`, {
      method,
      headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`Keycloak answers ${method} ${path} with ${answer.status}: ${text}`)
    return text === '' ? null : JSON.parse(text)
  }

  try {
    await administer('POST', '', keycloakRealm(gateway))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    variables: {
      ISSUER: `${url}/realms/acme`,
      CLIENT_ID: client.id,
      CLIENT_SECRET: client.secret,
      ROLES_CLAIM: 'groups',
      ROLES: 'staff=editor',
    },
    user: { username: ada.username, email: ada.email, groups: ['staff'] },
    rotate: async () => {
      const config = { priority: ['200'], enabled: ['true'], active: ['true'], algorithm: ['RS256'] }
      const providerType = 'org.keycloak.keys.KeyProvider'
      await administer('POST', '/acme/components', {
        name: 'next',
        providerId: 'rsa-generated',
        providerType,
        config,
      })
    },
    endSessions: async () => {
      const [user] = (await administer('GET', `/acme/users?username=${ada.username}`)) as { id: string }[]
      await administer('POST', `/acme/users/${user?.id}/logout`)
    },
    stop,
  }
}

/** Returns a realm with a client for the gateway, a group, and a user in it. */
function keycloakRealm(gateway: string): object {
  const mapper = {
    name: 'groups',
    protocol: 'openid-connect',
    protocolMapper: 'oidc-group-membership-mapper',
    config: { 'claim.name': 'groups', 'full.path': 'false', 'id.token.claim': 'true' },
  }
  return {
    realm: 'acme',
    enabled: true,
    groups: [{ name: 'staff' }],
    users: [
      {
        username: ada.username,
        email: ada.email,
        emailVerified: true,
        // A user without names has to fill in a form first.
        firstName: 'Ada',
        lastName: 'Example',
        enabled: true,
        groups: ['/staff'],
        credentials: [{ type: 'password', value: ada.password }],
      },
    ],
    clients: [
      {
        clientId: client.id,
        secret: client.secret,
        redirectUris: [`${gateway}/auth/keycloak/callback`],
        attributes: {
          'pkce.code.challenge.method': 'S256',
          'post.logout.redirect.uris': `${gateway}/signed-out`,
          'backchannel.logout.url': `${gateway}/auth/keycloak/backchannel-logout`,
          'backchannel.logout.session.required': 'true',
        },
        protocolMappers: [mapper],
      },
    ],
  }
}

/** Returns the version of a program of Dex. */
export function dexVersion(program: string): string {
  return `Dex ${execFileSync(program, ['version'], { encoding: 'utf8' }).trim().replaceAll('\n', ', ')}`
}

/** Starts Dex with a static client and its connector for tests, whose user has a group and needs no password. */
export async function startDex(program: string, { port, gateway, folder }: Place): Promise<Peer> {
  const issuer = `http://127.0.0.1:${port}/dex`
  const file = join(folder, 'dex.yaml')
  // JSON is YAML.
  writeFileSync(
    file,
    JSON.stringify({
      issuer,
      storage: { type: 'memory' },
      web: { http: `127.0.0.1:${port}` },
      oauth2: { skipApprovalScreen: true },
      // Dex looks every 30 seconds whether its key is old enough.
      expiry: { signingKeys: '1s' },
      staticClients: [
        {
          id: client.id,
          name: 'Claimgate',
          secret: client.secret,
          redirectURIs: [`${gateway}/auth/dex/callback`],
        },
      ],
      connectors: [{ type: 'mockCallback', id: 'mock', name: 'Mock' }],
    }),
  )
  const stop = await startServer(
    program,
    ['serve', file],
    {},
    `${issuer}/.well-known/openid-configuration`,
    folder,
  )
  const readKeys = async () => (await fetch(`${issuer}/keys`)).text()
  return {
    variables: {
      ISSUER: issuer,
      CLIENT_ID: client.id,
      CLIENT_SECRET: client.secret,
      SCOPE: 'openid profile email groups',
      ROLES_CLAIM: 'groups',
      ROLES: 'authors=editor',
    },
    user: { username: 'kilgore', email: 'kilgore@kilgore.trout', groups: ['authors'] },
    rotate: async () => {
      const before = await readKeys()
      for (let seconds = 0; (await readKeys()) === before; seconds++) {
        if (seconds === 90) throw new Error('Dex has the same keys after 90 seconds')
        await sleep(1000)
      }
    },
    stop,
  }
}

/** Starts a server and waits until `url` answers. Returns the function that ends its processes. Throws with its output. */
async function startServer(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
  url: string,
  cwd?: string,
): Promise<() => Promise<void>> {
  const child: ChildProcess = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // The process group has the processes that a shell script starts.
    detached: true,
    ...(cwd && { cwd }),
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output += chunk
    })
  const ended = once(child, 'exit')
  const stop = async () => {
    if (child.exitCode === null && child.pid) process.kill(-child.pid, 'SIGTERM')
    await ended
  }
  for (let seconds = 0; seconds < 300; seconds++) {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}: ${output}`)
    const answers = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    )
    if (answers) return stop
    await sleep(1000)
  }
  await stop()
  throw new Error(`${program} does not answer after 300 seconds: ${output}`)
}
