#!/usr/bin/env node
// `npx parlance …` in this repository: the command from its own build, which the first call makes.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { requireNode, root, setup } from './setup.mjs'

requireNode()
const bin = join(root, 'packages/cli/dist/bin.js')
if (!existsSync(bin)) setup()
void import(pathToFileURL(bin).href)
