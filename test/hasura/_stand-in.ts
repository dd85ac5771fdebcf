import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from '../_hasura.ts'
import { type Authentication, answerGraphql } from './_authentication.ts'
import { type Database, database } from './_database.ts'
import { checkNames, checkPermission, checkRelationship } from './_metadata-rules.ts'

// biome-ignore lint/suspicious/noExplicitAny: metadata can have any form
type Json = any

type Answer = { status: number; body: unknown }

/** The state of the fake Hasura. Tests may change it while the server runs. */
export type HasuraState = Authentication & {
  metadata: Json
  version: number
  inconsistent: { type: string; name: string; reason: string }[]
  /** The tables of the database. */
  tables: Database
  /** The calls of every bulk that was applied. */
  applied: JsonObject[]
  /** Returns the answer to send instead of Hasura's; null for Hasura's. */
  instead:
    | ((path: string) => { status: number; headers?: Record<string, string>; text: string } | null)
    | null
  /** True leaves every request without an answer. */
  isSilent: boolean
}

const fail = (status: number, code: string, error: string): Answer => ({
  status,
  body: { path: '$', code, error },
})

/** Starts a fake of Hasura's metadata API and GraphQL endpoint on the loopback. It runs no GraphQL. */
export async function startHasura(changes: Partial<HasuraState> = {}) {
  const state: HasuraState = {
    adminSecret: 'an admin secret for tests',
    metadata: { version: 3, sources: [{ name: 'default', kind: 'postgres', tables: [], configuration: {} }] },
    version: 1,
    inconsistent: [],
    tables: database,
    jwt: null,
    // No server listens on port 9.
    hook: 'http://127.0.0.1:9/webhook',
    unauthorizedRole: null,
    applied: [],
    instead: null,
    isSilent: false,
    ...changes,
  }
  const server: Server = createServer(async (req, res) => {
    let text = ''
    for await (const chunk of req) text += chunk
    if (state.isSilent) return
    const instead = state.instead?.(req.url ?? '')
    if (instead) {
      res.writeHead(instead.status, instead.headers).end(instead.text)
      return
    }
    const { status, body } =
      req.url === '/v1/graphql'
        ? await answerGraphql(state, req.headers)
        : answer(state, req.url ?? '', req.headers, text === '' ? null : JSON.parse(text))
    res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    state,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

function answer(state: HasuraState, url: string, headers: IncomingHttpHeaders, body: Json): Answer {
  if (url !== '/v1/metadata') return fail(404, 'not-found', 'resource does not exist')
  const secret = headers['x-hasura-admin-secret']
  if (state.adminSecret !== null && secret === undefined)
    return fail(400, 'access-denied', 'restricted access : admin only')
  if (state.adminSecret !== null && secret !== state.adminSecret)
    return fail(401, 'access-denied', 'invalid "x-hasura-admin-secret"/"x-hasura-access-key"')
  const { type, args, resource_version } = body
  if (type === 'export_metadata')
    return { status: 200, body: { resource_version: state.version, metadata: state.metadata } }
  if (type === 'get_inconsistent_metadata') {
    const { inconsistent } = state
    return {
      status: 200,
      body: { is_consistent: inconsistent.length === 0, inconsistent_objects: inconsistent },
    }
  }
  if (type !== 'bulk') return fail(400, 'parse-failed', `unknown type ${type}`)
  if (resource_version !== undefined && resource_version !== state.version)
    return fail(409, 'conflict', 'metadata resource version referenced did not match current version')
  const metadata = structuredClone(state.metadata)
  try {
    for (const call of args) applyCall(state, metadata, call)
  } catch (error) {
    return fail(400, 'already-exists', (error as Error).message)
  }
  state.metadata = metadata
  state.version++
  state.applied.push(...args)
  return { status: 200, body: args.map(() => ({ message: 'success' })) }
}

/** Makes one call as Hasura does. Throws when the table or a referenced name is missing, or the object exists. */
function applyCall(state: HasuraState, metadata: Json, { type, args }: Json): void {
  const { source, table, ...part } = args
  const { tables } = metadata.sources.find(({ name }: Json) => name === source)
  const tracked = tables.find(
    (each: Json) => each.table.name === table.name && each.table.schema === table.schema,
  )
  if (type === 'pg_track_table') {
    if (tracked) throw new Error(`view/table already tracked: "${table.name}"`)
    if (!state.tables[table.name]) throw new Error(`no such table/view exists in source: "${table.name}"`)
    tables.push({ table, ...part })
    checkNames(tables)
    return
  }
  if (!tracked) throw new Error(`table "${table.name}" does not exist in source: ${source}`)
  const [, kind] = /^pg_create_(\w+_(?:relationship|permission))$/.exec(type) ?? []
  if (!kind) throw new Error(`unknown type ${type}`)
  tracked[`${kind}s`] ??= []
  const list = tracked[`${kind}s`]
  const key = kind.endsWith('permission') ? 'role' : 'name'
  if (list.some((each: Json) => each[key] === part[key])) throw new Error(`${part[key]} already exists`)
  const ofSchema = tables.filter((each: Json) => each.table.schema === table.schema)
  if (key === 'role') checkPermission(state.tables, ofSchema, table.name, part.permission)
  else checkRelationship(state.tables, table.name, part)
  list.push(part)
}
