import { systemClock } from '@parlance/core'

import { ConnectionLoad } from './connection-load.ts'
import type { LoadContext } from './load-context.ts'
import type { LoadEvent, LoadOrder, LoadReport, Mark, MarkTaken } from './messages.ts'
import { ClosedPairLoad, OpenPairLoad } from './pair-load.ts'
import { RoomLoad } from './room-load.ts'

let markTaken: () => void = () => undefined

function tell(event: LoadEvent): void {
  process.send?.(event)
}

function mark(name: Mark, window = 0): Promise<void> {
  const taken = new Promise<void>((resolve) => (markTaken = resolve))
  tell({ type: 'mark', mark: name, window })
  return taken
}

function run({ workload, target, shape }: LoadOrder): Promise<LoadReport> {
  const context: LoadContext = { clock: systemClock, target, shape, mark }
  switch (workload) {
    case 'W1':
      return new ClosedPairLoad(context).run()
    case 'W1-open':
      return new OpenPairLoad(context).run()
    case 'W2':
      return new RoomLoad(context).run()
    case 'W3':
      return new ConnectionLoad(context).runIdle()
    case 'W4':
      return new ConnectionLoad(context).runConnects()
  }
}

process.on('disconnect', () => process.exit(1))
process.on('message', (message: LoadOrder | MarkTaken) => {
  if ('type' in message) {
    markTaken()
    return
  }
  run(message).then(
    (report) => tell({ type: 'report', report }),
    (error: unknown) =>
      tell({ type: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  )
})
