import { setFlagsFromString } from 'node:v8'

// No test file runs as long as it takes to optimize the WebAssembly of the databases. As an argument of Node the flag
// would also go to AVA's workers, which refuse it.
setFlagsFromString('--liftoff-only')
await import(new URL('cli.mjs', import.meta.resolve('ava')).href)
