export { type MongoChangeLists, type MongoChangeListsOptions, openMongoChangeLists } from './change-lists.ts'
