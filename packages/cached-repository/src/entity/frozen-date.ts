import { InvalidArgumentError } from '@parlance/core'

/** A date that cannot be set: rows are shared, and freezing an object does not stop `setTime`. */
export class FrozenDate extends Date {}

for (const name of Object.getOwnPropertyNames(Date.prototype)) {
  if (!name.startsWith('set')) continue
  Object.defineProperty(FrozenDate.prototype, name, {
    value: () => {
      throw new InvalidArgumentError(`${name}: dates of a row are immutable; copy it with new Date(date)`)
    },
  })
}
