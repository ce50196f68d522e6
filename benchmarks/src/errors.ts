import { ParlanceError } from '@parlance/core'

/** The server sent bytes that are not what its protocol allows, or that this client does not accept. */
export class WireError extends ParlanceError {
  static override readonly code = 'BENCH_WIRE'
}

/** A connection was refused, or ended while the workload needed it. */
export class ConnectionError extends ParlanceError {
  static override readonly code = 'BENCH_CONNECTION'
}

/** The server's HTTP interface answered with an error while a workload was prepared. */
export class SetupError extends ParlanceError {
  static override readonly code = 'BENCH_SETUP'
}

/** A process of the run did not start, ended early or did not stop. */
export class ProcessError extends ParlanceError {
  static override readonly code = 'BENCH_PROCESS'
}
