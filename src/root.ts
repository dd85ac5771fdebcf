/**
 * The folder of package.json. This file is compiled into its folder `dist`, and the build copies it into bundles at other
 * depths there.
 */
export const root = new URL(`${import.meta.url.slice(0, import.meta.url.lastIndexOf('/dist/'))}/`)
