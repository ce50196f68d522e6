const prefix = 'parlance-benchmark-'
const suffix = 'm'

/** Digits that carry a message's number inside its clientMsgID. */
export const identityDigitCount = 12

/** Where the digits begin inside a clientMsgID. */
export const identityDigitOffset = prefix.length

/** Length of every clientMsgID a workload sends; the one the official clients use. */
export const identityLength = prefix.length + identityDigitCount + suffix.length

/** First and last byte of a clientMsgID of ours: cheap to test before reading the digits between. */
export const identityMarks = { first: prefix.charCodeAt(0), last: suffix.charCodeAt(0) }

/** The clientMsgID of the message with this number. */
export function identityOf(number: number): string {
  return prefix + String(number).padStart(identityDigitCount, '0') + suffix
}

/** Writes the number as its fixed-width digits, without allocating. */
export function writeIdentityDigits(buffer: Uint8Array, offset: number, number: number): void {
  let rest = number
  for (let at = offset + identityDigitCount - 1; at >= offset; at -= 1) {
    const next = Math.floor(rest / 10)
    buffer[at] = 48 + (rest - next * 10)
    rest = next
  }
}
