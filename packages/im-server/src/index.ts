export type { BusinessNotification, ImActions, OutgoingMessage } from './embedding/host-actions.ts'
export type { Authenticate, Identity } from './embedding/identity.ts'
export { ConfigError } from './config-error.ts'
export { type Config, type ConfigInput, configSchema, environmentNames, readConfig } from './config.ts'
export {
  type ByteRange,
  type ObjectStorage,
  PartMismatchError,
  StorageFullError,
  type StoredContent,
  type StoredPart,
  UnknownContentError,
  UnknownUploadError,
} from './domain/objects/object-storage.ts'
export { openLocalFolder, type LocalFolderOptions } from './storage/local-folder.ts'
export { runServer } from './run.ts'
export { createImServer, type ImServer, type ImServerOptions } from './server.ts'
export type { StoreDurability } from './composition/backing.ts'
export type { ImServerAddresses } from './doors.ts'
export { isRole, type Role, roles } from './roles.ts'
