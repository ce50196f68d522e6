export { type Mongo, type MongoCommand, type MongoHealth, type MongoOptions, openMongo } from './connection.ts'
export {
  convertMongoError,
  MongoAccessError,
  MongoAddressError,
  MongoCommandError,
  MongoDuplicateError,
  MongoTimeoutError,
  MongoTooLargeError,
  MongoUnavailableError,
  MongoVersionError,
} from './errors.ts'
