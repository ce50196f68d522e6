import type { Duplex } from 'node:stream'
import type { Count } from '@parlance/core'

/** Counts the sockets a gateway holds, by address, and knows those that are not sessions (yet, or any more). */
export class Visitors {
  #count: Count = 0
  readonly #perAddress = new Map<string, Count>()
  readonly #sockets = new Set<Duplex>()
  readonly #onLeft: () => void

  constructor(onLeft: () => void) {
    this.#onLeft = onLeft
  }

  /** All sockets, those of sessions included. */
  get count(): Count {
    return this.#count
  }

  from(address: string): Count {
    return this.#perAddress.get(address) ?? 0
  }

  /** Counts a socket until it closes. */
  enter(socket: Duplex, address: string): void {
    this.#count++
    this.#perAddress.set(address, this.from(address) + 1)
    this.#sockets.add(socket)
    socket.once('close', () => this.#leave(socket, address))
  }

  /** The socket has become a session's, who cares for it from now on. */
  settled(socket: Duplex): void {
    this.#sockets.delete(socket)
  }

  /** Cuts off those that are not sessions. */
  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #leave(socket: Duplex, address: string): void {
    this.#count--
    const left = this.from(address) - 1
    if (left > 0) this.#perAddress.set(address, left)
    else this.#perAddress.delete(address)
    this.#sockets.delete(socket)
    this.#onLeft()
  }
}
