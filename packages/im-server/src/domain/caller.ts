/** Who makes a request, as the token says. */
export interface Caller {
  readonly userID: string
  readonly platformID: number
  /** An administrator of the whole server. */
  readonly isAdmin: boolean
  /** The client's name for the operation; what it causes carries the same. */
  readonly operationID: string
  /** The session the request came over, if it was one: it gets its answer before what the request causes. */
  readonly sessionID?: string
}
