import type { Count } from '@parlance/core'
import type { Operation, RowImage, RowTable } from './row-table.ts'

type Entry = RowImage & { readonly op: Operation }

interface Waiting {
  readonly entry: Entry
  readonly resolve: (isCleared: boolean) => void
  readonly reject: (error: unknown) => void
}

const maxPerWrite: Count = 500

/** Takes marks off rows, those of a moment in one bulk write per entity; one write at a time, so that a busy store gets large ones. */
export class ClearQueue {
  readonly #waiting = new Map<RowTable, Waiting[]>()
  readonly #running = new Set<RowTable>()

  /** False when the row is not as the step left it any more. */
  clear(table: RowTable, entry: Entry): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const queue = this.#waiting.get(table)
      if (queue === undefined) this.#waiting.set(table, [{ entry, resolve, reject }])
      else queue.push({ entry, resolve, reject })
      if (!this.#running.has(table)) void this.#run(table)
    })
  }

  async #run(table: RowTable): Promise<void> {
    this.#running.add(table)
    for (let queue = this.#waiting.get(table); queue !== undefined && queue.length > 0;) {
      const batch = queue.splice(0, maxPerWrite)
      try {
        const cleared = await table.clear(batch.map(({ entry }) => entry))
        for (const { entry, resolve } of batch) resolve(cleared.has(entry.op))
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
      queue = this.#waiting.get(table)
    }
    this.#waiting.delete(table)
    this.#running.delete(table)
  }
}
