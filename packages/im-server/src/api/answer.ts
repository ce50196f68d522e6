import type { ServerResponse } from 'node:http'
import { errorCodes, wireError } from '@parlance/openim-protocol'
import type { Answer } from './route.ts'

const json = 'application/json; charset=utf-8'

/** Lets pages of any origin call: there are no cookies, a token travels in a header of the page's own making. */
export const crossOriginHeaders: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': '*',
}

/** What a browser asks for before its real request. */
export const preflightHeaders: Readonly<Record<string, string>> = {
  ...crossOriginHeaders,
  'access-control-allow-methods': 'POST, OPTIONS',
  'access-control-allow-headers': 'token, operationID, reqFuncName, content-type',
  'access-control-max-age': '86400',
}

/** The text of an answer that worked: the fields, or base64 of their protobuf form. */
export const successText = (data: Answer | string): string =>
  data === undefined ? JSON.stringify(wireError(0)) : JSON.stringify({ ...wireError(0), data })

/** The text of a refusal. */
export const refusalText = (errCode: number, detail: string): string => JSON.stringify(wireError(errCode, detail))

/** What is said where nothing is. */
export const noSuchPath = refusalText(errorCodes.RecordNotFoundError, 'there is no such path')

/** Writes an answer, unless the connection is gone. Whatever it says, the status is 200: clients look into the body. */
export function writeAnswer(response: ServerResponse, text: string, status = 200): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, {
    ...crossOriginHeaders,
    'content-type': json,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  })
  response.end(text)
}
