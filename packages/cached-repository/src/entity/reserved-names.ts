const names = [
  // A repository with such a method would be awaited.
  'then',
  'entity',
  'get',
  'getWithRevision',
  'require',
  'getMany',
  'put',
  'putMany',
  'insert',
  'insertMany',
  'patch',
  'delete',
  'deleteMany',
] as const

/** Names that a view may not have, because the repository has them. */
export type ReservedName = (typeof names)[number]

/** {@link ReservedName} at run time. */
export const reservedNames: ReadonlySet<string> = new Set(names)
