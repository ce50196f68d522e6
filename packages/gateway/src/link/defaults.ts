import type { Bytes, Milliseconds } from '@parlance/core'

/** Both ends of a link have to agree about these; so they have the same defaults. */
export const defaultFrameBytes: Bytes = 8_388_608
export const defaultHeartbeatMs: Milliseconds = 3_000
