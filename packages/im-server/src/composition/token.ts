import 'reflect-metadata'
import { container as root, type DependencyContainer, instanceCachingFactory } from 'tsyringe'

declare const typed: unique symbol

/** Names a part of the server, with its type. */
export type Token<T> = symbol & { readonly [typed]?: (part: T) => T }

/** Makes a token; the name is for error messages. */
export const token = <T>(name: string): Token<T> => Symbol(name) as Token<T>

/**
 * The parts of one server: each is made when it is first asked for, and once.
 *
 * The only place that knows the container. Parts take plain constructor arguments and never see it.
 */
export class Composition {
  readonly #container: DependencyContainer = root.createChildContainer()

  /** Says how a part is made; a later call for the same token wins. */
  provide<T>(part: Token<T>, make: (composition: Composition) => T): this {
    this.#container.register(part, { useFactory: instanceCachingFactory(() => make(this) as object) })
    return this
  }

  get<T>(part: Token<T>): T {
    return this.#container.resolve<T>(part)
  }
}
