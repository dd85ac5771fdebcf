import { writeSnapshot } from '../src/migrations/write-snapshot.ts'
import { root } from '../src/root.ts'

await writeSnapshot(root)
