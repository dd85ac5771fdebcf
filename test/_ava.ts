import { setFlagsFromString } from 'node:v8'

// A test file is shorter than the optimisation of the databases' WebAssembly. As an argument of Node the flag would also
// go to AVA's workers, which reject it.
setFlagsFromString('--liftoff-only')
// A worker allocates much for a short time: with more space for new objects, it collects garbage less often.
setFlagsFromString('--min-semi-space-size=32')
await import(new URL('cli.mjs', import.meta.resolve('ava')).href)
