export { type NodeLinkFixture, nodeLinkContract } from './node-link.ts'
export { type RegistryFixture, sessionRegistryContract } from './session-registry.ts'
