import type { TrackedTable } from '../../src/hasura/metadata-tables.ts'
import { database } from './_database.ts'

/** A row of a table, and tables by name. */
export type Row = Record<string, unknown>
export type Rows = Record<string, Row[]>

type Where = Record<string, unknown>

const operators: Record<string, (value: unknown, operand: unknown) => boolean> = {
  // As in SQL, every comparison with NULL is false.
  _eq: (value, operand) => value !== null && value === operand,
  _neq: (value, operand) => value !== null && value !== operand,
  _nin: (value, operand) => value !== null && !(operand as unknown[]).includes(value),
  _is_null: (value, operand) => (value === null) === operand,
}

/** Evaluates a permission of Hasura on a row for a user, with the operators that these tables use. */
export function createJudge(tables: readonly TrackedTable[], rows: Rows, userId: string) {
  return (table: string, row: Row, where: unknown): boolean => holds(table, row, where as Where)

  function holds(table: string, row: Row, where: Where): boolean {
    return Object.entries(where).every(([name, inner]) => {
      if (name === '_or') return (inner as Where[]).some((each) => holds(table, row, each))
      if (name === '_not') return !holds(table, row, inner as Where)
      if (name in row) {
        return Object.entries(inner as Where).every(([operator, operand]) => {
          const compare = operators[operator]
          if (!compare) throw new Error(`unknown operator ${operator}`)
          return compare(row[name], operand === 'X-Hasura-User-Id' ? userId : operand)
        })
      }
      const [to, found] = related(table, row, name)
      return found.some((each) => holds(to, each, inner as Where))
    })
  }

  function related(from: string, row: Row, name: string): [string, Row[]] {
    const tracked = tables.find(({ table }) => table.name === from)
    const one = tracked?.object_relationships?.find((each) => each.name === name)
    if (one) {
      const column = (one.using as { foreign_key_constraint_on: string }).foreign_key_constraint_on
      const to = database[from]?.references[column] ?? ''
      return [to, rows[to]?.filter(({ id }) => id === row[column]) ?? []]
    }
    const many = tracked?.array_relationships?.find((each) => each.name === name)
    if (!many) throw new Error(`${from} has neither column nor relationship ${name}`)
    const { table, column } = (
      many.using as { foreign_key_constraint_on: { table: { name: string }; column: string } }
    ).foreign_key_constraint_on
    return [table.name, rows[table.name]?.filter((each) => each[column] === row.id) ?? []]
  }
}
