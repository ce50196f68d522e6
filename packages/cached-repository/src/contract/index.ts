export { entityStoreContract, type EntityStoreUnderTest } from './entity-store-contract.ts'
export { streamStoreContract, type StreamStoreUnderTest } from './stream-store-contract.ts'
export { spreadContract } from './spread-contract.ts'
