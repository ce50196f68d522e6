declare module '@openim/client-sdk/lib/index.modern.mjs' {
  export * from '@openim/client-sdk'
}
