/** A promise and the two ways to settle it. */
export interface Deferred<T = void> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

/**
 * Makes a promise that somebody else settles.
 *
 * It may fail while nobody waits for it, see {@link heardLater}; settling it again does nothing.
 */
export function deferred<T = void>(): Deferred<T> {
  let settle: Pick<Deferred<T>, 'resolve' | 'reject'> | undefined
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject }
  })
  return {
    promise: heardLater(promise),
    resolve: (value) => settle?.resolve(value),
    reject: (error) => settle?.reject(error),
  }
}

/**
 * Lets a promise fail before anybody waits for it; whoever does wait is told all the same.
 *
 * For a failure that is kept for those who will ask: without this, Node ends the process when nobody has asked yet.
 *
 * @returns the promise itself.
 */
export function heardLater<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}
