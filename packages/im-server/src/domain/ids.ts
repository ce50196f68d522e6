import type { Count } from '@parlance/core'

/** The longest id of a user or group, in UTF-16 units, as the store counts. */
export const idLength: Count = 64

/** No control characters, which would end up in logs and keys; no lone surrogates, which have no UTF-8 form: two ids could become one. */
export const isPrintable = (value: string): boolean => !/[\p{Cc}\p{Cs}]/u.test(value)
