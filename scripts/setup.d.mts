/** What is wrong with a version of Node, in words with the cure; nothing when it will do. */
export function nodeProblem(version: string): string | undefined

/** The script of a tool of the workspace, for example `tsc`. */
export function scriptOf(name: string): string
