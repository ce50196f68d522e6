/** Tells every process which cache keys are no longer true. */
export interface InvalidationChannel {
  /**
   * Resolves once every receiver of this process dropped the keys and the others were told. `except` is not told: it is the
   * publisher's own, and up to date already.
   *
   * When it rejects, some were not told. They notice that and flush; nothing has to be published again.
   */
  publish(keys: readonly string[], except?: InvalidationReceiver): Promise<void>
  /** `invalidate` drops keys; `flush` drops everything, because something may have been missed. Returns how to unsubscribe. */
  subscribe(receiver: InvalidationReceiver): () => void
}

/** Something that caches by key in this process. */
export interface InvalidationReceiver {
  invalidate(keys: readonly string[]): void
  flush(): void
}
