export { type Field, field, map, nested, repeated } from './field.ts'
export type { Budget, Kind } from './kind.ts'
export {
  type DecodeLimits,
  type Decoded,
  type Encodable,
  type Fields,
  type Infer,
  type InferInput,
  type Message,
  message,
} from './message.ts'
export { bool, bytes, int32, int64, string, uint32 } from './scalars.ts'
