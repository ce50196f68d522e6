import { File } from 'node:buffer'

/** What the SDK uses of a browser's FileReader; Node has files but no such reader of them. */
class FileReader {
  onload: ((event: { readonly target: { readonly result: ArrayBuffer } }) => void) | undefined
  onerror: ((error: unknown) => void) | undefined

  readAsArrayBuffer(blob: Blob): void {
    blob.arrayBuffer().then(
      (result) => this.onload?.({ target: { result } }),
      (error: unknown) => this.onerror?.(error),
    )
  }
}
Object.assign(globalThis, { File, FileReader })

/** A file as a user chooses one in a browser. */
export const browserFile = (bytes: Uint8Array, name: string): File => new File([bytes], name)
