import { writeSnapshot } from '../src/migrations/write-snapshot.ts'

await writeSnapshot(new URL('../../', import.meta.url))
