export { createInProcessRegistry } from './in-process-registry.ts'
