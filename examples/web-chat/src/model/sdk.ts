type SdkModule = typeof import('@openim/wasm-client-sdk')

/** OpenIM's client: one per page. */
export type Sdk = ReturnType<SdkModule['getSDK']>

/** The client, and the names of its events. */
export interface LoadedSdk {
  readonly sdk: Sdk
  readonly events: SdkModule['CbEvents']
}

const fileAt = (name: string): string => new URL(`sdk/${name}`, document.baseURI).href

/** Loads the SDK as it was published: a classic script, a module, a worker beside it and two WebAssembly files. */
export async function loadSdk(): Promise<LoadedSdk> {
  await loadScript(fileAt('wasm_exec.js'))
  const url = fileAt('index.es.js')
  const { getSDK, CbEvents } = (await import(/* @vite-ignore */ url)) as SdkModule
  const sdk = getSDK({ coreWasmPath: fileAt('openIM.wasm'), sqlWasmPath: fileAt('sql-wasm.wasm'), debug: false })
  return { sdk, events: CbEvents }
}

function loadScript(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script')
    script.src = url
    script.onload = () => resolve()
    script.onerror = () => reject(new Error(`${url} could not be loaded; is the server running?`))
    document.head.append(script)
  })
}

/** What the SDK or the server said went wrong, in one line. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error) return error.message
  const { errMsg, errCode } = (error ?? {}) as { readonly errMsg?: unknown; readonly errCode?: unknown }
  if (typeof errMsg === 'string' && errMsg !== '') return withoutTrace(errMsg)
  return typeof errCode === 'number' ? `error ${errCode}` : 'something went wrong'
}

/** The core adds Go's call stack, and the code before the name. */
const withoutTrace = (text: string): string =>
  text
    .split(/ \|? ?-> /, 1)[0]!
    .replace(/^error \S+ not implement CodeError: (?:Error: )?/, '')
    .replace(/^\d{3,5} /, '')
    .trim()

declare global {
  interface Window {
    /** The core's own entry: operation id, group, and whether only its owner and administrators may write. */
    changeGroupMute(operationID: string, groupID: string, isMute: boolean): Promise<unknown>
  }
}

/** Asks the core itself: 3.8.5's own method hands it one argument more than it takes, and always fails. */
export const changeGroupMute = (groupID: string, isMute: boolean): Promise<unknown> =>
  window.changeGroupMute(crypto.randomUUID(), groupID, isMute)

/** What was looked for, or undefined when the SDK says that it is not there. */
export async function orNothing<T>(looked: Promise<{ readonly data: readonly T[] }>): Promise<T | undefined> {
  try {
    return (await looked).data?.[0]
  } catch (error) {
    if (/not found|RecordNotFound|NotFoundError/i.test(reasonOf(error))) return undefined
    throw error
  }
}
