import type { Count } from '@parlance/core'

/** A page as clients ask for it: the first is number 1. */
export interface PageRequest {
  readonly pageNumber: number
  readonly showNumber: Count
}

/** The rows a page stands for. */
export const rangeOf = ({
  pageNumber,
  showNumber,
}: PageRequest): { readonly offset: Count; readonly limit: Count } => ({
  offset: (pageNumber - 1) * showNumber,
  limit: showNumber,
})

/** A page of a list that is at hand. */
export function pageOf<T>(all: readonly T[], request: PageRequest): readonly T[] {
  const { offset, limit } = rangeOf(request)
  return all.slice(offset, offset + limit)
}
