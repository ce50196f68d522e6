/** A service that could not be started. */
export interface MissingService {
  readonly name: string
  readonly key: string
  readonly reason: string
}
/** Whether what needs MongoDB, Redis and Kafka at once can run. */
export function isWhole(missing: readonly Pick<MissingService, 'key'>[]): boolean
/** A line for each thing that a run of the checks left out. */
export function notRun(run: {
  readonly missing: readonly MissingService[]
  readonly node24Problem?: string | undefined
  readonly hasBrowser?: boolean
}): string[]
