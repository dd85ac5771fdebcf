import { writeSnapshot } from '../database/write-snapshot.ts'

await writeSnapshot(new URL('../../../', import.meta.url))
