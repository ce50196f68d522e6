/** What to do when there is none. */
export const chromiumCure: string
/** The path of a Chromium: where PARLANCE_CHROMIUM says, or in one of the usual places. */
export function findChromium(environment?: Readonly<Record<string, string | undefined>>): string | undefined
