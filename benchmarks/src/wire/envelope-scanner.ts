import { WireError } from '../errors.ts'

const quote = 0x22
const backslash = 0x5c
const colon = 0x3a
const openBrace = 0x7b

/** What a scan found in a JSON envelope; reused from frame to frame. */
export interface Envelope {
  reqIdentifier: number
  errCode: number
  /** The request's number when msgIncr holds digits only; −1 when it is empty, absent or something else. */
  msgIncr: number
  /** Range of the base64 text of `data`, without the quotes; empty when data is null, empty or absent. */
  dataStart: number
  dataEnd: number
}

/** An envelope to scan into. */
export function emptyEnvelope(): Envelope {
  return { reqIdentifier: 0, errCode: 0, msgIncr: -1, dataStart: 0, dataEnd: 0 }
}

/**
 * Reads the fields a load generator needs from the JSON text in `[start, end)`, in any order, without allocating.
 *
 * @throws {@link WireError} when the text is not a flat JSON object of strings, numbers, booleans and nulls.
 */
export function scanEnvelope(buffer: Buffer, start: number, end: number, found: Envelope): void {
  found.reqIdentifier = 0
  found.errCode = 0
  found.msgIncr = -1
  found.dataStart = 0
  found.dataEnd = 0
  if (buffer[start] !== openBrace) throw notAnEnvelope(buffer, start, end)
  let at = start + 1
  while (at < end) {
    if (buffer[at] !== quote) {
      at += 1
      continue
    }
    const keyStart = at + 1
    const keyEnd = stringEnd(buffer, keyStart, end)
    at = keyEnd + 1
    while (at < end && buffer[at] !== colon) at += 1
    do at += 1
    while (at < end && buffer[at]! <= 0x20)
    if (at >= end) throw notAnEnvelope(buffer, start, end)
    if (buffer[at] === quote) {
      const valueEnd = stringEnd(buffer, at + 1, end)
      takeString(buffer, keyStart, keyEnd, at + 1, valueEnd, found)
      at = valueEnd + 1
    } else {
      at = takeScalar(buffer, keyStart, keyEnd, at, end, found)
    }
  }
}

function takeString(buffer: Buffer, keyStart: number, keyEnd: number, from: number, to: number, found: Envelope): void {
  const keyLength = keyEnd - keyStart
  const initial = buffer[keyStart]
  if (keyLength === 4 && initial === 0x64) {
    found.dataStart = from
    found.dataEnd = to
  } else if (keyLength === 7 && initial === 0x6d) {
    found.msgIncr = digits(buffer, from, to)
  }
}

function takeScalar(
  buffer: Buffer,
  keyStart: number,
  keyEnd: number,
  from: number,
  end: number,
  found: Envelope,
): number {
  const keyLength = keyEnd - keyStart
  const initial = buffer[keyStart]
  let at = from
  if (keyLength === 13 && initial === 0x72) {
    at = numberEnd(buffer, from, end)
    found.reqIdentifier = digits(buffer, from, at)
  } else if (keyLength === 7 && initial === 0x65) {
    at = numberEnd(buffer, from, end)
    found.errCode = digits(buffer, from, at)
  } else if (buffer[from] === openBrace || buffer[from] === 0x5b) {
    throw new WireError('An envelope holds a nested value where text or a number is due.')
  }
  return at
}

function stringEnd(buffer: Buffer, from: number, end: number): number {
  let at = from
  for (;;) {
    // Short strings are walked; a long one is base64, where the native search is faster.
    const near = Math.min(at + 32, end)
    while (at < near && buffer[at] !== quote) at += 1
    if (at >= near) at = buffer.indexOf(quote, at)
    if (at === -1 || at >= end) throw new WireError('A string in an envelope does not end.')
    let escapes = 0
    while (buffer[at - 1 - escapes] === backslash) escapes += 1
    if (escapes % 2 === 0) return at
    at += 1
  }
}

function numberEnd(buffer: Buffer, from: number, end: number): number {
  let at = from
  while (at < end && buffer[at]! >= 0x2b && buffer[at]! <= 0x39 && buffer[at] !== 0x2c) at += 1
  return at
}

function digits(buffer: Buffer, from: number, to: number): number {
  if (from === to || to - from > 15) return -1
  let value = 0
  for (let at = from; at < to; at += 1) {
    const digit = buffer[at]! - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

function notAnEnvelope(buffer: Buffer, start: number, end: number): WireError {
  return new WireError(`Not an envelope: ${buffer.toString('utf8', start, Math.min(end, start + 80))}`)
}
