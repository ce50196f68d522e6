export { sessionRegistryContract } from './session-registry.ts'
