export { objectStorageContract } from './object-storage.ts'
