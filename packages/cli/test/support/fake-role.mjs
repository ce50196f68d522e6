// Stands for a process of the server: answers probes, says that it is ready, stops when it is told to.
import { createServer } from 'node:http'

const roles = process.env.PARLANCE_ROLES.split(',')
const is = (name) => roles.includes(process.env[name])

if (is('FAKE_FAILS')) {
  process.stderr.write('Parlance could not run: there is no such host: correct PARLANCE_KAFKA_BROKERS\n')
  process.exit(1)
}
process.stderr.write(JSON.stringify({ level: 30, time: new Date().toISOString(), msg: `${roles.join()} works` }) + '\n')
const dependencies = { store: 'ok', bus: is('FAKE_UNREADY') ? 'Kafka does not answer' : 'ok' }
const answers = {
  '/readyz': [is('FAKE_UNREADY') ? 503 : 200, JSON.stringify({ dependencies })],
  '/metrics': [200, 'gateway_sessions 3\nparlance_log_lag_records{topic="a.topic",group="a group"} 7\n'],
}
const probes = createServer((request, response) => {
  const [code, body] = answers[request.url] || [404, '']
  response.writeHead(code).end(body)
})
probes.listen(0, '127.0.0.1', () => {
  const metrics = `http://127.0.0.1:${probes.address().port}`
  process.stdout.write(JSON.stringify({ parlance: 'ready', roles, addresses: { metrics } }) + '\n')
})
process.on('SIGTERM', () => {
  if (is('FAKE_HANGS')) return
  process.stdout.write('Parlance has stopped.\n')
  process.exit(0)
})
