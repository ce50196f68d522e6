#!/usr/bin/env node
import { runServer } from './run.ts'

await runServer()
