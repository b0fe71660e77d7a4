/** The configuration of a proxy. The file and createProxy share one schema. */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { whatIsWrong, wrongValue } from './config-errors.ts'
import { ProxyError } from './errors.ts'
import { parseListen } from './transport/listen.ts'

const milliseconds = (byDefault: number) => z.number().int().min(1).max(86_400_000).default(byDefault)
const count = (byDefault: number) => z.number().int().min(1).default(byDefault)

const listenAddress = z.string().transform((text, context) => {
  try {
    return parseListen(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
    return z.NEVER
  }
})

const schema = z
  .strictObject({
    /** Sockets, as in OpenSIPS: `udp:192.0.2.1:5060`, `tls:[2001:db8::1]:5061 as proxy.example.com`. */
    listen: z.array(listenAddress).min(1, 'name one socket at least, such as [udp:192.0.2.1:5060]'),
    /** Names of this proxy, with or without a port. */
    alias: z.array(z.string().min(1)).default([]),
    /** Paths of PEM files, for tls and wss sockets. `ca` verifies the certificates of peers. */
    tls: z.strictObject({ cert: z.string(), key: z.string(), ca: z.string().optional() }).optional(),
    /** The routing script and how it runs. See the options of the engine. */
    script: z.strictObject({
      file: z.string().min(1),
      /** Folder from which the script may import files. By default the folder of the script. */
      root: z.string().min(1).optional(),
      modInitFunction: z.string().default('mod_init'),
      childInitMethod: z.string().default('child_init'),
      children: count(1),
      isolation: z.enum(['inline', 'thread', 'process']).default('thread'),
      /**
       * Wall time, half of T1: short enough that clients do not retransmit yet, and longer than a thread waits for a
       * core on a busy machine.
       */
      timeoutMs: milliseconds(250),
      memoryMb: z.number().int().min(8).default(64),
      maxQueue: count(10_000),
    }),
    /**
     * Methods of the routes for which the script calls no t_on_… function. `reply` is used only if the script has that
     * method.
     */
    routes: z
      .strictObject({
        request: z.string().default('request_route'),
        reply: z.string().nullable().default('onreply_route'),
        branch: z.string().nullable().default(null),
        failure: z.string().nullable().default(null),
      })
      .prefault({}),
    /**
     * What happens if the script fails, times out or is lost: `reject` answers 500, `relay` relays as if it had
     * returned true.
     */
    onScriptError: z.enum(['reject', 'relay']).default('reject'),
    /** Whether every request that may start a dialog gets Record-Route, without a call of record_route(). */
    recordRoute: z.boolean().default(false),
    timers: z
      .strictObject({
        t1: milliseconds(500),
        t2: milliseconds(4_000),
        t4: milliseconds(5_000),
        /** Longest time for DNS to resolve a URI. If frTimeoutMs is shorter, frTimeoutMs applies. */
        dnsTimeoutMs: milliseconds(4_000),
        /**
         * Longest time until a target sends any reply. After that, the next target is tried. fr_timeout of OpenSIPS.
         */
        frTimeoutMs: milliseconds(32_000),
        /** Timer C: longest time that an INVITE may ring. fr_inv_timeout of OpenSIPS. */
        frInvTimeoutMs: milliseconds(180_000),
        /** Longest time that a target gets no requests after a 503 with Retry-After. 0 ignores Retry-After. */
        maxRetryAfterMs: z.number().int().min(0).max(86_400_000).default(3_600_000),
      })
      .prefault({}),
    /** Upper bound on targets tried for one request, in parallel and in sequence, like MAX_BRANCHES of OpenSIPS. */
    maxBranches: z.number().int().min(1).max(64).default(12),
    /** Larger requests are sent over TCP if there is a tcp socket. Bytes. */
    udpMaxBytes: count(1_300),
    limits: z
      .strictObject({
        maxConnections: count(4_096),
        maxConnectionsPerIp: count(512),
        messageTimeoutMs: milliseconds(10_000),
        idleTimeoutMs: milliseconds(300_000),
        connectTimeoutMs: milliseconds(4_000),
        /**
         * Upper bound on the head of a request, over any transport. The head of a reply may be twice as long, because
         * it repeats headers of the request.
         */
        maxHeadBytes: count(65_536),
        maxBodyBytes: count(1_048_576),
        maxSendBufferBytes: count(1_048_576),
        /** Upper bound on requests in progress. Beyond it, new requests are refused with 503. */
        maxUnfinished: count(50_000),
        /** Upper bound on the bytes of requests in progress. */
        maxUnfinishedBytes: count(134_217_728),
        /**
         * Upper bound on the bytes that finished transactions keep for retransmissions. Beyond it, the oldest are
         * forgotten.
         */
        maxKeptBytes: count(268_435_456),
      })
      .prefault({}),
    /** `host:port` for /metrics and /health. Not served if missing. */
    http: z
      .string()
      .regex(/^(\[[0-9A-Fa-f:.]+\]|[^\s:]+):\d{1,5}$/, 'must be host:port, such as 127.0.0.1:9060')
      .optional(),
    /** Longest time that stopping waits for requests in progress. */
    drainTimeoutMs: milliseconds(30_000),
    logLevel: z.enum(['debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  })
  .refine(
    ({ listen, tls }) => tls !== undefined || !listen.some(({ transport }) => /^(tls|wss)$/.test(transport)),
    {
      path: ['tls'],
      message: 'tls and wss sockets need tls.cert and tls.key',
    },
  )

/** Options of createProxy, and content of a configuration file. */
export type ProxyOptions = z.input<typeof schema>
/** The options with all defaults filled in. */
export type ProxyConfig = z.output<typeof schema>

/**
 * Checks the options and fills in the defaults.
 *
 * @param from origin of the options, for the error message
 * @throws ProxyError ERR_SIPLET_PROXY_CONFIG, which names each wrong option and what is accepted
 */
export function parseProxyConfig(options: unknown, from = 'bad configuration'): ProxyConfig {
  const result = schema.safeParse(options, { error: wrongValue })
  if (result.success) return result.data
  throw new ProxyError('ERR_SIPLET_PROXY_CONFIG', `${from}: ${whatIsWrong(schema, result.error).join('; ')}`)
}

/**
 * Reads a configuration file in YAML or JSON. Relative paths in it start at the folder of the file.
 *
 * @throws ProxyError ERR_SIPLET_PROXY_CONFIG
 */
export async function readProxyConfig(path: string): Promise<ProxyConfig> {
  let options: unknown
  try {
    options = parse(await readFile(path, 'utf8'))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? 'there is no such file' : message
    throw new ProxyError('ERR_SIPLET_PROXY_CONFIG', `${path}: ${reason}`, { cause: error })
  }
  const config = parseProxyConfig(options, path)
  const from = (file: string) => resolve(dirname(path), file)
  const { script, tls } = config
  return {
    ...config,
    script: { ...script, file: from(script.file), ...(script.root && { root: from(script.root) }) },
    ...(tls && { tls: { cert: from(tls.cert), key: from(tls.key), ...(tls.ca && { ca: from(tls.ca) }) } }),
  }
}
