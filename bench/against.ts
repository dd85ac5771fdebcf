import { availableParallelism, cpus } from 'node:os'
import { loadCases } from './against-load.ts'
import { otherCases } from './against-other.ts'
import { writeHead } from './compare.ts'
import type { Contest, Side } from './contest.ts'
import { checkNames, choose, findProgram, type Options } from './options.ts'
import { here } from './process.ts'
import { loadHead, type OtherResult, otherHead, writeLoad, writeOther } from './result.ts'
import { users } from './seed.ts'
import { type Site, withGround, withoutMemory } from './stage.ts'

/**
 * Measures this build and an older one side by side, on one PostgreSQL server with a database for each, in alternating
 * rounds. Prints two Markdown tables.
 */
export async function measureAgainst(
  folder: string,
  checkout: string,
  { effort, cases }: Options,
): Promise<void> {
  checkNames(cases, Object.keys({ ...loadCases, ...otherCases }))
  const programs = [here('../src/main.js'), findProgram(checkout)]
  await withGround(folder, programs, async (ground) => {
    const machine = `${cpus()[0]?.model}, ${availableParallelism()} cores`
    console.log(`${machine}, Node ${process.version}, PostgreSQL ${ground.postgresVersion}`)
    console.log(`${users} users; ${effort.rounds} rounds of ${effort.seconds} s, medians\n`)
    const [site, older] = ground.sites as [Site, Site]
    const [now, before] = [await openSide(site), await openSide(older)]
    const limit = await ground.startLimit(now)
    const contest: Contest = { ...effort, ...ground, folder, now, before, limit }
    const collected: OtherResult[] = []
    const loads = choose(loadCases, cases)
    if (loads.length > 0) console.log(writeHead(loadHead))
    for (const run of loads) {
      const { load, others = [] } = await run(contest)
      console.log(writeLoad(load))
      collected.push(...others)
    }
    console.log(`\n${[writeHead(otherHead), ...collected.map(writeOther)].join('\n')}`)
    for (const run of choose(otherCases, cases))
      for (const other of await run(contest)) console.log(writeOther(other))
  })
}

async function openSide(site: Site): Promise<Side> {
  return { ...site, gateway: await site.start(), bare: await site.start(withoutMemory) }
}
