import ava, { type TestFn } from 'ava'
import { declarations } from './_group.ts'

export type { ExecutionContext, Implementation } from 'ava'

/** AVA's `test`. In a worker that runs several files, it also keeps the hooks and titles of each file apart. */
const test: TestFn = declarations() ?? ava
export default test
