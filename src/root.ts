const here = import.meta.url

/** The folder of package.json. This file is compiled into its folder `dist`, and the build copies it into bundles there. */
export const root = new URL(`${here.slice(0, here.lastIndexOf('/dist/'))}/`)

/** The folder of the compiled `src` and `providers` that this process runs: `dist`, or a folder in `dist/bundles`. */
export const program = new URL(`${here.slice(0, here.lastIndexOf('/src/'))}/`)
