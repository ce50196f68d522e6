import type { Readable } from 'node:stream'
import { type Clock, type Milliseconds, systemClock, type Timestamp } from '@parlance/core'
import type { StoredObject } from '../../entities/stored-object.ts'
import { notFound } from '../refusals.ts'
import type { ImRepositories } from '../repositories.ts'
import type { ByteRange, ObjectStorage } from './object-storage.ts'
import type { SignedPaths } from './signed-paths.ts'

/** What {@link Objects} needs. */
export interface ObjectsOptions {
  readonly repositories: Pick<ImRepositories, 'storedObjects'>
  readonly storage: ObjectStorage
  readonly paths: SignedPaths
  readonly clock?: Clock
}

const accessStepMs: Milliseconds = 3_600_000

/** Files that were uploaded, and how they are read. */
export class Objects {
  readonly #objects: ImRepositories['storedObjects']
  readonly #storage: ObjectStorage
  readonly #paths: SignedPaths
  readonly #clock: Clock

  constructor({ repositories, storage, paths, clock = systemClock }: ObjectsOptions) {
    this.#objects = repositories.storedObjects
    this.#storage = storage
    this.#paths = paths
    this.#clock = clock
  }

  /**
   * The object with this name, as it stands in its URL.
   *
   * @throws {@link ImError} 1004 when there is none.
   */
  async named(name: string): Promise<Readonly<StoredObject>> {
    const objectID = /\/([\w-]{22})\//.exec(name)?.[1]
    const object = objectID === undefined ? undefined : await this.#objects.get({ objectID })
    if (object === undefined || publicName(object) !== name)
      throw notFound('there is no such object; take its name from its URL')
    return object
  }

  /** @throws {@link ImError} 1004 when there is none. */
  async byID(objectID: string): Promise<Readonly<StoredObject>> {
    const object = await this.#objects.get({ objectID })
    if (object === undefined) throw notFound('there is no such object')
    return object
  }

  /**
   * A signed path of the content, for one to two hours. All who ask in the same hour get the same one, so that what was read
   * once need not be read again.
   */
  contentPath({ objectID }: StoredObject): { readonly path: string; readonly expires: Timestamp } {
    const expires = (Math.floor(this.#clock.now() / accessStepMs) + 2) * accessStepMs
    return { path: this.#paths.sign(`/object-content/${objectID}`, { byteCount: 0, expires }), expires }
  }

  /** The content, or a piece of it. */
  read({ contentID }: StoredObject, range?: ByteRange): Promise<Readable> {
    return this.#storage.read(contentID, range)
  }
}

/**
 * An object's name in URLs: the owner, the object's id, which nobody can guess, and what the owner called it.
 *
 * Whoever has it may read the object: messages carry URLs, and nothing that shows a picture sends a token.
 */
export const publicName = ({ userID, objectID, name }: StoredObject): string =>
  `${userID}/${objectID}/${name.slice(userID.length + 1)}`

/** The path that messages carry; it leads to a signed path. */
export const objectPath = ({ userID, objectID, name }: StoredObject): string =>
  `/object/${[userID, objectID, ...name.slice(userID.length + 1).split('/')].map(encodeURIComponent).join('/')}`
