/** `platformID`: what a device runs on. */
export const platformIDs = {
  iOS: 1,
  android: 2,
  windows: 3,
  macOS: 4,
  web: 5,
  miniWeb: 6,
  linux: 7,
  androidPad: 8,
  iPad: 9,
  admin: 10,
  harmonyOS: 11,
} as const

/** One of {@link platformIDs}. */
export type PlatformID = (typeof platformIDs)[keyof typeof platformIDs]

/** Devices that exclude each other when one device per class may be online. */
export type DeviceClass = 'PC' | 'Mobile' | 'Pad' | 'Web' | 'MiniWeb' | 'Admin' | 'HarmonyOS'

interface Platform {
  readonly name: string
  readonly deviceClass: DeviceClass
}

const platforms: Readonly<Record<PlatformID, Platform>> = {
  1: { name: 'IOS', deviceClass: 'Mobile' },
  2: { name: 'Android', deviceClass: 'Mobile' },
  3: { name: 'Windows', deviceClass: 'PC' },
  4: { name: 'OSX', deviceClass: 'PC' },
  5: { name: 'Web', deviceClass: 'Web' },
  6: { name: 'MiniWeb', deviceClass: 'MiniWeb' },
  7: { name: 'Linux', deviceClass: 'PC' },
  8: { name: 'APad', deviceClass: 'Pad' },
  9: { name: 'IPad', deviceClass: 'Pad' },
  10: { name: 'Admin', deviceClass: 'Admin' },
  11: { name: 'HarmonyOS', deviceClass: 'HarmonyOS' },
}

/** Tells whether a number is a platform that OpenIM knows. */
export const isPlatformID = (value: number): value is PlatformID => Object.hasOwn(platforms, value)

/** The name OpenIM uses for a platform, for example in answers about online states. */
export const platformName = (platform: PlatformID): string => platforms[platform].name

/** The class a platform belongs to. */
export const deviceClass = (platform: PlatformID): DeviceClass => platforms[platform].deviceClass
