// What programs need that judge the settings of servers without being one: a face of its own, because it loads in no time.
export { ConfigError } from './config-error.ts'
export { type Config, type ConfigInput, environmentNames, isEmbedded, readConfig, readSetting } from './config.ts'
export { isRole, type Role, roles } from './roles.ts'
