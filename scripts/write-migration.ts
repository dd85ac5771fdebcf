import { writeMigration } from './diff-schema.ts'

const [name] = process.argv.slice(2)
if (name === undefined || !/^[a-z][a-z0-9_]*$/.test(name)) {
  console.error('Usage: npm run db:diff -- <name>   (a name such as user_locale)')
  process.exit(64)
}
const written = await writeMigration(new URL('../../', import.meta.url), name)
console.log(
  written === null
    ? 'The migrations already match schema.prisma. No file was written.'
    : `Wrote prisma/migrations/${written}`,
)
