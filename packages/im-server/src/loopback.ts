const names = /^(?:(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|\[::1\]|localhost)$/

/** Whether a host name or address can only mean this machine. */
export const isLoopback = (host: string): boolean => names.test(host)
