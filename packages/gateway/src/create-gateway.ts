import type { Gateway } from './gateway.ts'
import { GatewayServer } from './gateway-server.ts'
import { type JsonMessage, jsonReply, type JsonRequest } from './json-codec.ts'
import type { OpMessage } from './ops.ts'
import type { GatewayOptions, JsonGatewayOptions } from './options.ts'

/**
 * Makes a gateway; it takes clients once it is attached to an HTTP server.
 *
 * With the package's own JSON messages nothing more is needed than who may come in; with others, `reply` says how a
 * request is answered.
 *
 * @throws InvalidArgumentError when limits contradict each other.
 */
export function createGateway(options: JsonGatewayOptions): Gateway<JsonRequest, JsonMessage>
export function createGateway<In extends OpMessage, Out>(options: GatewayOptions<In, Out>): Gateway<In, Out>
export function createGateway(
  options: JsonGatewayOptions | GatewayOptions<JsonRequest, JsonMessage>,
): Gateway<JsonRequest, JsonMessage> {
  return new GatewayServer({ reply: jsonReply, ...options })
}
