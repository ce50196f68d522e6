import { join } from 'node:path'
import { createObjectTransfer } from '../api/object-transfer.ts'
import { Objects } from '../domain/objects/objects.ts'
import { SignedPaths } from '../domain/objects/signed-paths.ts'
import { Uploads } from '../domain/objects/uploads.ts'
import { openLocalFolder } from '../storage/local-folder.ts'
import type { Composition } from './token.ts'
import { parts } from './tokens.ts'

/** Files: what users upload and read. */
export function provideObjects(composition: Composition): void {
  composition
    .provide(parts.objectStorage, (c) => {
      const { dataDir, objectsDir, maxUploadBytes } = c.get(parts.config)
      return openLocalFolder({ path: objectsDir ?? join(dataDir, 'objects'), waitingBytes: maxUploadBytes })
    })
    .provide(parts.signedPaths, (c) => new SignedPaths(Buffer.from(c.get(parts.secrets).tokenKey), c.get(parts.clock)))
    .provide(
      parts.objects,
      (c) =>
        new Objects({
          repositories: c.get(parts.repositories),
          storage: c.get(parts.objectStorage),
          paths: c.get(parts.signedPaths),
          clock: c.get(parts.clock),
        }),
    )
    .provide(parts.uploads, (c) => {
      const { maxFileBytes: fileBytes, maxUploadBytes } = c.get(parts.config)
      // A file always fits; beyond that it takes eight users to take all the room.
      const uploadBytesPerUser = Math.max(fileBytes, Math.floor(maxUploadBytes / 8))
      return new Uploads({
        repositories: c.get(parts.repositories),
        storage: c.get(parts.objectStorage),
        paths: c.get(parts.signedPaths),
        limits: { fileBytes, uploadBytesPerUser },
        clock: c.get(parts.clock),
      })
    })
    .provide(parts.objectTransfer, (c) =>
      createObjectTransfer({
        objects: c.get(parts.objects),
        uploads: c.get(parts.uploads),
        paths: c.get(parts.signedPaths),
        logger: c.get(parts.logger),
        metrics: c.get(parts.metrics),
        clock: c.get(parts.clock),
      }),
    )
}
