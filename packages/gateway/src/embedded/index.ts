export { InProcessNetwork } from './in-process-link.ts'
export { createInProcessRegistry } from './in-process-registry.ts'
