import { SqliteEngine } from '@parlance/engines/sqlite'
import { journalContract, segmentStoreContract } from '@parlance/seq-allocator/contract'
import { createEmbeddedJournal, createEmbeddedSegmentStore } from '@parlance/seq-allocator/embedded'
import { temporaryFolder } from '@parlance/testing'

const opened = new Map<object, () => Promise<void>>()

function open<Port extends object>(create: (engine: SqliteEngine) => Port): Port {
  const folder = temporaryFolder()
  const engine = SqliteEngine.open({ path: `${folder.path}/data.db` })
  const port = create(engine)
  opened.set(port, async () => {
    await engine.close()
    folder.remove()
  })
  return port
}
const close = async (port: object): Promise<void> => opened.get(port)?.()

journalContract('embedded', { open: () => open((engine) => createEmbeddedJournal({ engine })), close })
journalContract('embedded, streams not in memory', {
  open: () => open((engine) => createEmbeddedJournal({ engine, maxCachedStreams: 1 })),
  close,
})
segmentStoreContract('embedded', { open: () => open((engine) => createEmbeddedSegmentStore({ engine })), close })
