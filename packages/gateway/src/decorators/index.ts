export { Op, opsOf } from './op.ts'
