/** Something with a queue that is written out at the end of the tick. */
export interface Flushable {
  flush(): void
}

/** Writes out, once per turn of the event loop, everything that got something to write. One immediate for all of them. */
export class FlushList {
  #dirty: Flushable[] = []
  readonly #run = (): void => {
    const dirty = this.#dirty
    this.#dirty = []
    for (const one of dirty) one.flush()
  }

  add(one: Flushable): void {
    if (this.#dirty.push(one) === 1) setImmediate(this.#run)
  }
}
