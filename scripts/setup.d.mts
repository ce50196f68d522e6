/** What is wrong with a version of Node, in words with the cure; nothing when it will do. */
export function nodeProblem(version: string): string | undefined
