import type { LogHandler, ReadRecord } from '@parlance/notification-bus'

interface Handled {
  readonly member: string
  readonly partition: number
  readonly offset: number
  readonly text: string
}

/** What the members of a group handled, in the order in which they did. */
export class HandledHistory {
  readonly all: Handled[] = []

  /** A handler that notes what it got in the name of a member. */
  of(member: string, before?: (records: readonly ReadRecord[]) => Promise<void>): LogHandler {
    return async (records) => {
      await before?.(records)
      for (const { partition, offset, payload } of records)
        this.all.push({ member, partition, offset, text: Buffer.from(payload).toString() })
    }
  }

  get texts(): Set<string> {
    return new Set(this.all.map(({ text }) => text))
  }

  /** Records that were handled again. */
  get repeats(): number {
    return this.all.length - this.texts.size
  }

  /** Every place where a partition went on elsewhere than right behind what was handled of it so far. */
  get gaps(): string[] {
    const heads = new Map<number, number>()
    const gaps: string[] = []
    for (const { member, partition, offset } of this.all) {
      const head = heads.get(partition) ?? 0
      if (offset > head + 1) gaps.push(`${member} handled ${offset} of partition ${partition} after ${head}`)
      heads.set(partition, Math.max(head, offset))
    }
    return gaps
  }

  /** Partitions by the member that handled them last. */
  get owners(): Map<number, string> {
    return new Map(this.all.map(({ partition, member }) => [partition, member]))
  }
}
