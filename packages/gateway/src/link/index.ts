export { createNodeClient, type NodeClientOptions } from './node-client.ts'
export { createNodeHost, type NodeHostOptions } from './node-host.ts'
