import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { root } from './_app.ts'
import { type GatewayProcess, startProcess } from './_process.ts'
import test, { type ExecutionContext } from './_test.ts'
import { createFolder } from './database/_databases.ts'
import { startHasura } from './hasura/_stand-in.ts'

// The shell blocks of the README and the tutorial run as they stand, with the ports of the test in place of 8080 and
// 8081, and without the commands that start servers.

const isServer = /^(?:git clone|npm ci|npm start|docker compose up)\b/

/** Returns the shell blocks of the sections with these headings, in order. */
async function blocksOf(path: string, ...headings: string[]): Promise<string[]> {
  const text = await readFile(new URL(path, root), 'utf8')
  const sections = text
    .split(/^## /m)
    .filter((section) => headings.some((heading) => section.startsWith(heading)))
  return sections.flatMap((section) =>
    [...section.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block),
  )
}

type Place = { gateway: GatewayProcess; data: string; hasura?: string }

/** Runs blocks in one shell, as in one terminal, and returns the output. Throws when a command fails. */
async function run({ gateway, data, hasura = '' }: Place, blocks: readonly string[]): Promise<string> {
  const script = blocks
    .flatMap((block) => block.split('\n'))
    .filter((line) => !isServer.test(line))
    .join('\n')
    .replaceAll('localhost:8080', new URL(gateway.url).host)
    .replaceAll('localhost:8081', hasura)
    .replace(/\bcurl /g, 'curl --fail-with-body --no-progress-meter ')
  // jq, for a machine without it: only `jq -r .name` is used.
  const jq = `jq() { node -e 'console.log(JSON.parse(fs.readFileSync(0))[process.argv[1].slice(1)])' "$2"; }`
  const child = spawn('sh', ['-euc', `${jq}\n${script}`], {
    cwd: fileURLToPath(root),
    env: { PATH: process.env.PATH, AUTH_DATA_DIR: data },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk
    })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${code}: ${output}\n${script}`)
  return output
}

async function start(t: ExecutionContext): Promise<Place & { data: string }> {
  const folder = await createFolder(t)
  const data = `${folder}/data`
  const gateway = await startProcess({ AUTH_DATA_DIR: data }, folder)
  t.teardown(() => gateway.stop('SIGKILL'))
  return { gateway, data }
}

test('the README gives the first token and a role, as it stands', async (t) => {
  t.timeout(120_000)
  const blocks = await blocksOf('README.md', 'The first token', 'Give a role')
  t.is(blocks.length, 3)
  const output = await run(await start(t), blocks)
  t.regex(output, /'x-hasura-allowed-roles': \[ 'user' \]/)
  t.regex(output, /x-hasura-allowed-roles.*editor/)
})

test('the tutorial signs up, calls the webhook, refreshes and signs out, as it stands', async (t) => {
  t.timeout(120_000)
  const blocks = await blocksOf('docs/tutorial/clone-to-role.md', '2. Get a token', '3. Use the session')
  t.is(blocks.length, 8)
  const output = await run(await start(t), blocks)
  t.regex(output, /"X-Hasura-Role":"user"/)
  t.regex(output, /\{"X-Hasura-Role":"anonymous"\}/)
  t.regex(output, /HTTP\/1\.1 204 /)
})

for (const mode of ['JWT', 'webhook'] as const)
  test(`in ${mode} mode the README calls Hasura with a token, as it stands`, async (t) => {
    const place = await start(t)
    const hasura = await startHasura({
      hook: `${place.gateway.url}/webhook`,
      jwt:
        mode === 'JWT'
          ? {
              jwks: await (await fetch(`${place.gateway.url}/jwks`)).text(),
              issuer: 'http://localhost:0',
              audience: 'hasura',
            }
          : null,
    })
    t.teardown(() => hasura.close())
    const blocks = await blocksOf('README.md', 'Start it with Hasura')
    t.is(blocks.length, 1)
    const output = await run({ ...place, hasura: new URL(hasura.url).host }, blocks)
    t.is(output, '{"data":{"__typename":"query_root"}}')
  })
