// Plain syntax, as in setup.mjs: a Node that is too old for the rest must be told so.
import { requireNode } from './setup.mjs'

requireNode()
void import('./checks.mjs')
