/**
 * The floor: passes datagrams on without looking into them, as `node relay.js PORT BACKEND-PORT`. What comes from the
 * back end goes to whoever sent last. Plain JavaScript, so that nothing but Node's dgram is measured.
 */
import { createSocket } from 'node:dgram'

const [port, backend] = process.argv.slice(2).map(Number)
const socket = createSocket({ type: 'udp4', lookup: (ip, _options, found) => found(null, ip, 4) })
let client = 0
const sent = () => {}
socket.on('message', (bytes, from) => {
  if (from.port !== backend) client = from.port
  socket.send(bytes, from.port === backend ? client : backend, '127.0.0.1', sent)
})
socket.bind(port, '127.0.0.1', () => console.log('listening'))
