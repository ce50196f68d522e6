export { createMongoSegmentStore } from './segment-store.ts'
