export { type MongoChangeLists, type MongoChangeListsOptions, openMongoChangeLists } from './change-lists.ts'
export { changeListCopy, type CopyListsOptions, seedOfEngine } from './copy.ts'
