import * as z from 'zod'
import type { MetadataCall } from './metadata-calls.ts'
import { type HasuraAddress, HasuraError, postToHasura } from './metadata-request.ts'

const sourceSchema = z.looseObject({
  name: z.string(),
  kind: z.string(),
  tables: z.array(z.looseObject({ table: z.unknown() })).default([]),
  functions: z.array(z.looseObject({ function: z.unknown() })).default([]),
  customization: z
    .looseObject({
      root_fields: z
        .looseObject({
          namespace: z.string().nullish(),
          prefix: z.string().nullish(),
          suffix: z.string().nullish(),
        })
        .nullish(),
      naming_convention: z.string().nullish(),
    })
    .nullish(),
})
const exportSchema = z.object({
  resource_version: z.number().int(),
  metadata: z.looseObject({
    sources: z.array(sourceSchema).default([]),
    actions: z.array(z.looseObject({ name: z.string() })).default([]),
  }),
})
const inconsistentSchema = z.object({
  is_consistent: z.boolean(),
  inconsistent_objects: z.array(z.looseObject({ type: z.string(), reason: z.string() })),
})
const errorSchema = z.object({ code: z.string(), error: z.string(), path: z.string().optional() })

/** The exported metadata of Hasura, with its resource version. */
export type ExportedMetadata = z.infer<typeof exportSchema>

export type MetadataApi = ReturnType<typeof createMetadataApi>

/** Creates a client of Hasura's metadata API (`POST /v1/metadata`). Every function throws HasuraError. */
export function createMetadataApi(address: HasuraAddress, adminSecret: string) {
  async function call<T>(body: object, schema: z.ZodType<T>): Promise<T> {
    const answer = await postToHasura(address, '/v1/metadata', { 'X-Hasura-Admin-Secret': adminSecret }, body)
    if (answer.status !== 200) throw refusal(address.endpoint, answer.status, answer.body)
    const result = schema.safeParse(answer.body)
    if (result.success) return result.data
    throw new HasuraError(
      'hasura_answer',
      `the answer of ${address.endpoint} has another form than Hasura 2; check the URL`,
    )
  }
  return {
    /** Reads the whole metadata. */
    export: (): Promise<ExportedMetadata> =>
      call({ type: 'export_metadata', version: 2, args: {} }, exportSchema),

    /** Returns type and reason of each inconsistent object; empty for consistent metadata. */
    findInconsistent: async (): Promise<string[]> => {
      const found = await call({ type: 'get_inconsistent_metadata', args: {} }, inconsistentSchema)
      return found.inconsistent_objects.map(({ type, reason }) => `${type}: ${reason}`)
    },

    /** Makes all calls or none. Throws `changed_meanwhile` when the resource version is no longer `version`. */
    bulk: async (calls: readonly MetadataCall[], version: number): Promise<void> => {
      await call({ type: 'bulk', resource_version: version, args: calls }, z.unknown())
    },
  }
}

function refusal(endpoint: string, status: number, body: unknown): HasuraError {
  const { data } = errorSchema.safeParse(body)
  if (status === 401 || status === 403 || data?.code === 'access-denied' || data?.code === 'invalid-headers')
    return new HasuraError(
      'hasura_denied',
      `${endpoint} rejects this admin secret; use the HASURA_GRAPHQL_ADMIN_SECRET that Hasura was started with`,
    )
  if (!data)
    return new HasuraError(
      status >= 500 ? 'hasura_unavailable' : 'hasura_answer',
      `${endpoint} answers ${status} without an error of Hasura; check the URL`,
    )
  const words = data.error.replace(/\s+/g, ' ').slice(0, 300)
  if (status >= 500)
    return new HasuraError(
      'hasura_unavailable',
      `${endpoint} answers ${status}: ${words}; read the log of Hasura, then try again`,
    )
  if (status === 409)
    return new HasuraError(
      'changed_meanwhile',
      'The metadata has changed since it was read; this command changed nothing. Run it again',
    )
  return new HasuraError('hasura_refused', `Hasura rejected the change, and changed nothing: ${words}`)
}
