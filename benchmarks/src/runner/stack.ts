/**
 * What a server stands on: `embedded` is one process on its own file, `services` is a process for each role on MongoDB,
 * Redis and Kafka.
 */
export const stackNames = ['embedded', 'services'] as const

/** One of the {@link stackNames}. */
export type StackName = (typeof stackNames)[number]
