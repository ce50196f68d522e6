export { createRepositories } from './create-repositories.ts'
export { defineEntity, entity, type EntityDeclaration, type Views } from './entity/declare.ts'
export {
  DeclarationError,
  IncompatibleStoreError,
  InvalidRowError,
  RowConflictError,
  RowNotFoundError,
} from './entity/errors.ts'
export { field, type FieldOf, type FieldSpec, type FieldType, type RowOf } from './entity/field.ts'
export type { Row, RowChange, RowInput } from './entity/row.ts'
export type { Entity, EntitySchema } from './entity/schema.ts'
export {
  type SpreadOptions,
  type SpreadTouch,
  touch,
  type Touch,
  type TouchedRows,
  type TouchSpec,
} from './entity/touch.ts'
export type { AnyRow } from './entity/values.ts'
export type {
  CountMethod,
  KeyDelta,
  ReadLevel,
  ReadOptions,
  RowChanges,
  RowDelta,
  RowPage,
  RowsMethod,
  View,
  ViewKinds,
  ViewSpec,
} from './entity/view.ts'
export type {
  Announced,
  EntityStore,
  EntityWrite,
  KeyRange,
  ListChange,
  SpreadBatch,
  SpreadRequest,
  StoredRow,
  Succession,
  WaitingSpread,
  WriteEffects,
  WriteOutcome,
} from './entity-store.ts'
export type { Repositories, RepositoriesOptions } from './repositories.ts'
export type { Position } from '@parlance/notification-bus'
export type { AppendedEntry, StreamHead } from '@parlance/seq-allocator'
export type { Repository, RepositoryOf, RevisedRow, RowMethods } from './repository.ts'
export { touchedRows } from './spread/touched-rows.ts'
export type { Together } from './together.ts'
export {
  type LastMethod,
  stream,
  type Stream,
  type StreamAnnouncement,
  type StreamCodec,
  type StreamDeclaration,
  type StreamSchema,
  type StreamView,
  type StreamViewKinds,
  type StreamViews,
} from './stream/stream.ts'
export type { Entry, EntryMethods, StreamRepository, StreamRepositoryOf } from './stream/stream-repository.ts'
export type { BatchEffects, LastMark, StreamBatch, StreamStore } from './stream/stream-store.ts'
