import { writeSnapshot } from '../migrations/write-snapshot.ts'

await writeSnapshot(new URL('../../../', import.meta.url))
