import { servePrices } from './serve-prices.ts'

await servePrices(console.log)
