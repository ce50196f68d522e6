import type { FieldSpec } from './field.ts'
import type { TouchSpec } from './touch.ts'
import type { ViewSpec } from './view.ts'

/** Another entity's changes view that a write to this entity also appends to. */
export interface Toucher {
  readonly schema: EntitySchema
  readonly view: string
  readonly touch: TouchSpec
}

/** A declared entity as drivers and repositories see it. Both ways to declare one give the same. */
export interface EntitySchema {
  readonly name: string
  /** In the order of their declaration. */
  readonly fields: ReadonlyMap<string, FieldSpec>
  readonly key: readonly FieldSpec[]
  readonly views: ReadonlyMap<string, ViewSpec>
  /** Grows while entities that are touched by this one are being declared. */
  readonly touchers: readonly Toucher[]
  /** What rows inherit from: the declaring class's prototype, or none of their own. */
  readonly prototype: object
}

declare const declared: unique symbol

/** A declared entity: row `R`, key fields `K`, views `V`. */
export interface Entity<R, K extends keyof R, V> {
  readonly name: string
  readonly schema: EntitySchema
  readonly [declared]?: { readonly row: R; readonly key: K; readonly views: V }
}
