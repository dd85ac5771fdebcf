declare module 'autocannon' {
  type Options = {
    url: string
    connections: number
    duration: number
    /** Each connection sends them by turns. */
    requests?: { headers: Record<string, string> }[]
    /** Keeps autocannon from calling an answer other than 2xx a success. */
    bailout?: number
  }
  type Result = {
    requests: { average: number; total: number }
    latency: { p99: number }
    duration: number
    non2xx: number
    errors: number
  }
  export default function autocannon(options: Options): Promise<Result>
}
