export { entityStoreContract, type EntityStoreUnderTest } from './entity-store-contract.ts'
export { streamStoreContract, type StreamStoreUnderTest } from './stream-store-contract.ts'
