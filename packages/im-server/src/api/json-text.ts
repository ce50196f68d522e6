import { badArgument } from '../domain/refusals.ts'

const quote = 0x22
const backslash = 0x5c
const openers = new Set([0x5b, 0x7b])
const closers = new Set([0x5d, 0x7d])

/**
 * Reads a JSON text whose lists and objects are nested at most `maxDepth` deep; nothing at all reads as an empty object.
 *
 * The depth is looked at first, so that nobody further in can be made to recurse without bound.
 *
 * @throws {@link ImError} 1001 when it is no JSON or too deep.
 */
export function parseJson(text: Buffer, maxDepth: number): unknown {
  if (text.length === 0) return {}
  if (isDeeperThan(text, maxDepth)) throw badArgument(`the body is nested deeper than ${maxDepth} levels; flatten it`)
  try {
    return JSON.parse(text.toString()) as unknown
  } catch (error) {
    throw badArgument(`the body is not JSON: ${(error as Error).message}`)
  }
}

function isDeeperThan(text: Buffer, maxDepth: number): boolean {
  let depth = 0
  let isInString = false
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]!
    if (isInString) {
      if (byte === backslash) at++
      else if (byte === quote) isInString = false
    } else if (byte === quote) {
      isInString = true
    } else if (openers.has(byte)) {
      depth++
      if (depth > maxDepth) return true
    } else if (closers.has(byte)) {
      depth--
    }
  }
  return false
}
