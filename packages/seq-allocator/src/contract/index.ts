export { journalContract } from './journal.ts'
export { segmentStoreContract } from './segment-store.ts'
