import { defineConfig } from 'prisma/config'

// `prisma generate` would otherwise try to download an engine that it does not need, and fail without a network.
if (process.argv.includes('generate')) process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath

export default defineConfig({ schema: 'prisma/schema.prisma', migrations: { path: 'prisma/migrations' } })
