import { wireError } from '../names/error-codes.ts'
import type { FrameBytes } from './frame.ts'

const textOf = (code: number, detail?: string): FrameBytes => ({
  bytes: Buffer.from(JSON.stringify(wireError(code, detail))),
  binary: false,
})

/** The first frame of an accepted connection: clients that asked for it wait for it. */
export const welcome: FrameBytes = textOf(0)

/** The first and last frame of a connection that was upgraded only to tell why it is refused. */
export const refusal = (code: number, detail: string): FrameBytes => textOf(code, detail)
