import 'reflect-metadata'
import { InvalidArgumentError } from '@parlance/core'
import type { OpHandler, OpMessage, OpTable } from '../ops.ts'

const opsKey = Symbol.for('@parlance/gateway:ops')

type OpMethod = (session: never, data: never, request: never) => unknown

/**
 * Says that a method serves an op. The method gets the session, the request's `data` and the whole request; what it
 * returns or throws is the answer. It only writes metadata: {@link opsOf} makes an ops table of it.
 */
export function Op(op: string | number) {
  return <Method extends OpMethod>(
    target: object,
    method: string,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void => {
    if (descriptor.value === undefined) throw new InvalidArgumentError(`@Op belongs on a method; ${method} is none`)
    const inherited = Reflect.getMetadata(opsKey, target) as ReadonlyMap<string, string> | undefined
    Reflect.defineMetadata(opsKey, new Map(inherited).set(String(op), method), target)
  }
}

/**
 * The ops table of an object whose methods carry `@Op`, to be given to `createGateway` or `gateway.serve`.
 *
 * @throws InvalidArgumentError when no method carries it.
 */
export function opsOf<In extends OpMessage & { readonly data?: unknown }, Out>(instance: object): OpTable<In, Out> {
  const ops = Reflect.getMetadata(opsKey, instance) as ReadonlyMap<string, string> | undefined
  if (ops === undefined)
    throw new InvalidArgumentError(`${instance.constructor.name} has no method with @Op; decorate the methods to serve`)
  const methods = instance as Record<string, (session: unknown, data: unknown, request: In) => unknown>
  const handlers = [...ops].map(([op, method]): [string, OpHandler<In, Out>] => [
    op,
    (session, request) => methods[method]!(session, request.data, request),
  ])
  return Object.fromEntries(handlers) as unknown as OpTable<In, Out>
}
