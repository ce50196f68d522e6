import fc from 'fast-check'
import { test } from 'vitest'
import { SqliteEngine } from '@parlance/engines/sqlite'
import { createEmbeddedChangeLists } from '@parlance/notification-bus/embedded'
import { temporaryFolder } from '@parlance/testing'
import { liveThrough, step } from './list-history.ts'

test('whoever applies deltas from whatever position ends with the list as it is', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 0, max: 20 }),
      async (history, keptVersions) => {
        using folder = temporaryFolder()
        const open = () => SqliteEngine.open({ path: `${folder.path}/data.db` })
        let engine = open()
        const driver = {
          lists: createEmbeddedChangeLists({ engine, maxCachedLists: 1, keptVersions }),
          async restart() {
            await engine.close()
            engine = open()
            driver.lists = createEmbeddedChangeLists({ engine, maxCachedLists: 1, keptVersions })
          },
        }
        await liveThrough(history, driver)
        await engine.close()
      },
    ),
    { numRuns: 100 },
  )
})
