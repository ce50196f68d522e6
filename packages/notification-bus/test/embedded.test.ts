import { SqliteEngine } from '@parlance/engines/sqlite'
import type { EventLog } from '@parlance/notification-bus'
import {
  changeListsContract,
  eventLogContract,
  invalidationChannelContract,
  topicsContract,
} from '@parlance/notification-bus/contract'
import {
  createEmbeddedChangeLists,
  createEmbeddedEventLog,
  createInProcessChannel,
  type EmbeddedEventLog,
} from '@parlance/notification-bus/embedded'
import { createEmbeddedJournal } from '@parlance/seq-allocator/embedded'
import { type ContractDriver, temporaryFolder } from '@parlance/testing'

const opened = new Map<object, () => Promise<void>>()
const close = async (port: object): Promise<void> => opened.get(port)?.()

function openEngine(): { engine: SqliteEngine; close: () => Promise<void> } {
  const folder = temporaryFolder()
  const engine = SqliteEngine.open({ path: `${folder.path}/data.db` })
  return {
    engine,
    close: async () => {
      await engine.close()
      folder.remove()
    },
  }
}

changeListsContract('embedded', {
  open() {
    const { engine, close: closeEngine } = openEngine()
    const lists = createEmbeddedChangeLists({ engine })
    opened.set(lists, closeEngine)
    return lists
  },
  close,
})

const logDriver: ContractDriver<EventLog, never> = {
  open() {
    const { engine, close: closeEngine } = openEngine()
    const journal = createEmbeddedJournal({ engine })
    const log: EmbeddedEventLog = createEmbeddedEventLog({ engine, journal, backoff: { firstMs: 1, maxMs: 3 } })
    opened.set(log, async () => {
      await log.close()
      await closeEngine()
    })
    return log
  },
  close,
}
eventLogContract('embedded', logDriver)
topicsContract('embedded', logDriver)

invalidationChannelContract('in process', { open: createInProcessChannel })
