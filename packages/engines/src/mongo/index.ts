export {
  type Mongo,
  type MongoCommand,
  type MongoHealth,
  type MongoOptions,
  type MongoReply,
  openMongo,
} from './connection.ts'
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
