/** The workloads, by the names they have in the documentation. */
export const workloadNames = ['W1', 'W1-open', 'W2', 'W3', 'W4'] as const

/** One of the workloads. */
export type WorkloadName = (typeof workloadNames)[number]

/** How long and how large a run is. */
export interface Shape {
  readonly warmUpMs: number
  readonly windowMs: number
  readonly windowCount: number
  /** Senders of W1, and as many receivers. */
  readonly pairCount: number
  /** Unacknowledged sends a W1 sender keeps up. */
  readonly inFlightPerSender: number
  /** Whether a send of W1 keeps its place until it is delivered, not only acknowledged: where storing follows accepting. */
  readonly isInFlightUntilDelivered: boolean
  /** Sends per second of W1-open, over all senders. */
  readonly openRatePerSecond: number
  /** Members, and so connections, of the W2 room. */
  readonly roomSize: number
  /** Messages the W2 publisher keeps on their way. */
  readonly roomInFlight: number
  /** Connections of W3 and W4. */
  readonly connectionCount: number
  /** Connections opened at the same time. */
  readonly concurrentConnects: number
  /** How long W3 leaves its connections idle before the second measurement. */
  readonly idleMs: number
  /** Bytes of text in a message. */
  readonly textBytes: number
}

/** The run that figures are quoted from. */
export const fullShape: Shape = {
  warmUpMs: 3_000,
  windowMs: 15_000,
  windowCount: 3,
  pairCount: 100,
  inFlightPerSender: 8,
  isInFlightUntilDelivered: false,
  openRatePerSecond: 1_000,
  roomSize: 1_000,
  roomInFlight: 4,
  connectionCount: 5_000,
  concurrentConnects: 50,
  idleMs: 10_000,
  textBytes: 150,
}

/** A run of seconds: tells whether everything works, not how fast it is. */
export const quickShape: Shape = {
  ...fullShape,
  warmUpMs: 1_000,
  windowMs: 3_000,
  windowCount: 1,
  connectionCount: 500,
  idleMs: 2_000,
}
