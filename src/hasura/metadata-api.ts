import { z } from 'zod'
import type { MetadataCall } from './metadata-calls.ts'
import { type HasuraAddress, HasuraError, postToHasura } from './metadata-request.ts'

const sourceSchema = z.looseObject({
  name: z.string(),
  kind: z.string(),
  tables: z.array(z.looseObject({ table: z.unknown() })).default([]),
})
const exportSchema = z.object({
  resource_version: z.number().int(),
  metadata: z.looseObject({ sources: z.array(sourceSchema).default([]) }),
})
const inconsistentSchema = z.object({
  is_consistent: z.boolean(),
  inconsistent_objects: z.array(z.looseObject({ type: z.string(), reason: z.string() })),
})
const errorSchema = z.object({ code: z.string(), error: z.string(), path: z.string().optional() })

/** All that a Hasura is told, and the number of the change that it was told last. */
export type ExportedMetadata = z.infer<typeof exportSchema>

export type MetadataApi = ReturnType<typeof createMetadataApi>

/** Hasura's metadata API (`POST /v1/metadata`). Every function throws a HasuraError. */
export function createMetadataApi(address: HasuraAddress, adminSecret: string) {
  async function call<T>(body: object, schema: z.ZodType<T>): Promise<T> {
    const answer = await postToHasura(address, '/v1/metadata', { 'X-Hasura-Admin-Secret': adminSecret }, body)
    if (answer.status !== 200) throw refusal(address.endpoint, answer.status, answer.body)
    const result = schema.safeParse(answer.body)
    if (result.success) return result.data
    throw new HasuraError('hasura_answer', `${address.endpoint} does not answer as Hasura 2 does`)
  }
  return {
    /** Reads the whole metadata. */
    export: (): Promise<ExportedMetadata> =>
      call({ type: 'export_metadata', version: 2, args: {} }, exportSchema),

    /** Why parts of the metadata do not fit their database or service; empty when all is well. */
    findInconsistent: async (): Promise<string[]> => {
      const found = await call({ type: 'get_inconsistent_metadata', args: {} }, inconsistentSchema)
      return found.inconsistent_objects.map(({ type, reason }) => `${type}: ${reason}`)
    },

    /** Does all calls or none. Throws `changed_meanwhile` when the metadata is not that of `version` any more. */
    bulk: async (calls: readonly MetadataCall[], version: number): Promise<void> => {
      await call({ type: 'bulk', resource_version: version, args: calls }, z.unknown())
    },
  }
}

function refusal(endpoint: string, status: number, body: unknown): HasuraError {
  const { data } = errorSchema.safeParse(body)
  if (status === 401 || status === 403 || data?.code === 'access-denied' || data?.code === 'invalid-headers')
    return new HasuraError('hasura_denied', `${endpoint} does not accept this admin secret`)
  if (!data)
    return new HasuraError(
      status >= 500 ? 'hasura_unavailable' : 'hasura_answer',
      `${endpoint} answers ${status}: is that Hasura?`,
    )
  if (status === 409)
    return new HasuraError(
      'changed_meanwhile',
      'Somebody else has changed the metadata; nothing was done. Try again',
    )
  const words = data.error.replace(/\s+/g, ' ').slice(0, 300)
  return new HasuraError('hasura_refused', `Hasura refused, and changed nothing: ${words}`)
}
