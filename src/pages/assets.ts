import type { Middleware } from '../context.ts'
import { GatewayError } from '../errors.ts'
import type { PageFiles } from './load-pages.ts'

/** Answers with the files that pages refer to. Throws `not_found`. */
export function createAssets({ assets }: Pick<PageFiles, 'assets'>): Middleware {
  return async function sendAsset(ctx) {
    const { file = '' } = (ctx as { params?: { file?: string } }).params ?? {}
    const asset = assets.get(file)
    if (!asset) throw new GatewayError('not_found')
    ctx.set({
      'Cache-Control': 'public, max-age=31536000, immutable',
      // A logo may have a style of its own; opened by itself it gets to do nothing else.
      'Content-Security-Policy':
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'",
    })
    ctx.type = asset.type
    ctx.body = asset.body
  }
}
