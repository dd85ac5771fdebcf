import { setFlagsFromString } from 'node:v8'

// A test file is shorter than the optimisation of the databases' WebAssembly. As an argument of Node the flag would also
// go to AVA's workers, which reject it.
setFlagsFromString('--liftoff-only')
await import(new URL('cli.mjs', import.meta.resolve('ava')).href)
