import pg from 'pg'

/** A node of a plan, as EXPLAIN (FORMAT JSON) writes it. */
type PlanNode = {
  'Node Type': string
  'Relation Name'?: string
  'Index Name'?: string
  'Plan Rows': number
  Plans?: PlanNode[]
}

/** The plan of one statement that the server ran, also of a statement inside a trigger or a foreign key. */
export type Plan = {
  text: string
  /** The names of the tables that are read row by row, without an index. */
  scanned: string[]
  /** The names of the indexes, sorted. */
  indexes: string[]
  /** The greatest number of rows that are expected to be sorted or hashed. */
  gathered: number
}

/** The settings of a database whose connections get the plan of every statement as a notice. */
export const plansAsNotices: Readonly<Record<string, string>> = {
  session_preload_libraries: 'auto_explain',
  'auto_explain.log_min_duration': '0',
  'auto_explain.log_nested_statements': 'on',
  'auto_explain.log_level': 'notice',
  'auto_explain.log_format': 'json',
  client_min_messages: 'notice',
  // The plan that a named statement gets after some runs, which knows no values.
  plan_cache_mode: 'force_generic_plan',
  // Of an SSD: an index is worth it at a smaller size of a table already.
  random_page_cost: '1.1',
}

/** Collects the plans that arrive as notices at any connection of this worker, until `stop`. */
export function collectPlans() {
  const plans: Plan[] = []
  const { emit } = pg.Client.prototype
  pg.Client.prototype.emit = function (event, ...args) {
    const [, json] = (event === 'notice' && /plan:\n(.*)$/s.exec(String(args[0]?.message))) || []
    if (json) plans.push(parsePlan(json))
    return emit.call(this, event, ...args)
  }
  return {
    /** Returns the plans of the statements that `work` runs. */
    of: async (work: () => Promise<unknown>): Promise<Plan[]> => {
      plans.length = 0
      await work()
      return [...plans]
    },
    stop: (): void => {
      pg.Client.prototype.emit = emit
    },
  }
}

function parsePlan(json: string): Plan {
  const { 'Query Text': text, Plan: root } = JSON.parse(json) as { 'Query Text': string; Plan: PlanNode }
  const nodes = nodesOf(root)
  const gathering = nodes.filter((node) => /^(Sort|Hash|Materialize)$/.test(node['Node Type']))
  return {
    text,
    scanned: nodes.flatMap((node) => (node['Node Type'] === 'Seq Scan' ? (node['Relation Name'] ?? []) : [])),
    indexes: [...new Set(nodes.flatMap((node) => node['Index Name'] ?? []))].sort(),
    gathered: Math.max(0, ...gathering.map((node) => node['Plan Rows'])),
  }
}

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)]
