import { join } from 'node:path'
import type { VirtualClock } from '@parlance/testing'
import type { HttpApi } from '../../src/api/http-api.ts'
import { createObjectTransfer, type ObjectTransferLimits } from '../../src/api/object-transfer.ts'
import type { ObjectLimits } from '../../src/domain/objects/object-limits.ts'
import { Objects } from '../../src/domain/objects/objects.ts'
import type { ObjectStorage } from '../../src/domain/objects/object-storage.ts'
import { SignedPaths } from '../../src/domain/objects/signed-paths.ts'
import { Uploads } from '../../src/domain/objects/uploads.ts'
import type { ImRepositories } from '../../src/domain/repositories.ts'
import { openLocalFolder } from '../../src/storage/local-folder.ts'

/** Files of a world: parts of 1000 bytes. */
export interface ObjectWorld {
  readonly storage: ObjectStorage
  readonly objects: Objects
  readonly uploads: Uploads
  readonly transfer: HttpApi
}

/** What of an {@link ObjectWorld} a test chooses. */
export interface ObjectWorldLimits extends Partial<ObjectLimits>, Partial<ObjectTransferLimits> {
  readonly waitingBytes?: number
}

export function objectWorld(
  repositories: ImRepositories,
  folder: string,
  clock: VirtualClock,
  { waitingBytes = 1024 ** 3, ...limits }: ObjectWorldLimits = {},
): ObjectWorld {
  const storage = openLocalFolder({ path: join(folder, 'objects'), waitingBytes })
  const paths = new SignedPaths(Buffer.alloc(32, 9), clock)
  const objects = new Objects({ repositories, storage, paths, clock })
  const uploads = new Uploads({
    repositories,
    storage,
    paths,
    limits: { partBytes: 1_000, fileBytes: 100_000, uploadsPerUser: 100_000, uploadBytesPerUser: 1024 ** 3, ...limits },
    clock,
  })
  return { storage, objects, uploads, transfer: createObjectTransfer({ objects, uploads, paths, clock, limits }) }
}
