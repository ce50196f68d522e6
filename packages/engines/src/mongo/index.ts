export {
  assertNotCopying,
  type ComparedPage,
  type CopiedPage,
  CopyDifferenceError,
  type CopyOptions,
  type CopyPart,
  copyParts,
  type CopyProgress,
  type CopyReport,
  CopyOutdatedError,
  CopyTargetError,
  insertMissing,
} from './copy.ts'
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
