import { type DocumentNode, type FragmentDefinitionNode, Kind, type SelectionSetNode } from 'graphql'
import { GatewayError } from '../errors.ts'

/** The size of a query after each fragment spread is replaced by its fragment. */
export type Measure = {
  depth: number
  fields: number
  /** Root fields, each of which runs one operation. */
  roots: number
}

const nothing: Measure = { depth: 0, fields: 0, roots: 0 }

/**
 * Measures all operations of a document together. Each fragment is measured once, so the time is linear in the size of
 * the document. Throws `validation_failed` for a fragment that contains itself.
 */
export function measureQuery({ definitions }: DocumentNode): Measure {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const each of definitions)
    if (each.kind === Kind.FRAGMENT_DEFINITION) fragments.set(each.name.value, each)
  const measured = new Map<string, Measure | 'begun'>()

  function measureFragment(name: string): Measure {
    const known = measured.get(name)
    if (known === 'begun')
      throw new GatewayError('validation_failed', { detail: 'A fragment contains itself' })
    if (known) return known
    measured.set(name, 'begun')
    const measure = measureSelection(fragments.get(name)?.selectionSet)
    measured.set(name, measure)
    return measure
  }

  function measureSelection(set: SelectionSetNode | undefined): Measure {
    const parts = (set?.selections ?? []).map((selection) => {
      if (selection.kind === Kind.FRAGMENT_SPREAD) return measureFragment(selection.name.value)
      const inner = measureSelection(selection.selectionSet)
      if (selection.kind === Kind.INLINE_FRAGMENT) return inner
      return { depth: inner.depth + 1, fields: inner.fields + 1, roots: 1 }
    })
    return parts.reduce(add, nothing)
  }

  return definitions
    .filter((each) => each.kind === Kind.OPERATION_DEFINITION)
    .map(({ selectionSet }) => measureSelection(selectionSet))
    .reduce(add, nothing)
}

function add(a: Measure, b: Measure): Measure {
  return { depth: Math.max(a.depth, b.depth), fields: a.fields + b.fields, roots: a.roots + b.roots }
}
