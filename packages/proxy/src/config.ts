/** The configuration of a proxy: one schema for the file and for createProxy. */
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
    /** Names that are this proxy's, with or without a port. */
    alias: z.array(z.string().min(1)).default([]),
    /** Paths of PEM files, for tls and wss; `ca` is what peers' certificates are checked against. */
    tls: z.strictObject({ cert: z.string(), key: z.string(), ca: z.string().optional() }).optional(),
    /** The routing script, and where it runs; see the options of the engine. */
    script: z.strictObject({
      file: z.string().min(1),
      /** Folder below which the script may import files; by default the folder of the script. */
      root: z.string().min(1).optional(),
      modInitFunction: z.string().default('mod_init'),
      childInitMethod: z.string().default('child_init'),
      children: count(1),
      isolation: z.enum(['inline', 'thread', 'process']).default('thread'),
      /** Wall time: half of T1, so that nobody retransmits yet, and more than a thread waits on a busy machine. */
      timeoutMs: milliseconds(250),
      memoryMb: z.number().int().min(8).default(64),
      maxQueue: count(10_000),
    }),
    /** Methods that serve a route where no t_on_… names another; of `reply`, only if the script has it. */
    routes: z
      .strictObject({
        request: z.string().default('request_route'),
        reply: z.string().nullable().default('onreply_route'),
        branch: z.string().nullable().default(null),
        failure: z.string().nullable().default(null),
      })
      .prefault({}),
    /** Where the script fails, times out or is lost: refuse with 500, or relay as if it had returned true. */
    onScriptError: z.enum(['reject', 'relay']).default('reject'),
    /** Record-Route on every request that may start a dialog, without record_route(). */
    recordRoute: z.boolean().default(false),
    timers: z
      .strictObject({
        t1: milliseconds(500),
        t2: milliseconds(4_000),
        t4: milliseconds(5_000),
        /** Until DNS has told where a URI leads to; frTimeoutMs, where that is shorter. */
        dnsTimeoutMs: milliseconds(4_000),
        /** Until a target has answered at all; then the next one is tried. fr_timeout of OpenSIPS. */
        frTimeoutMs: milliseconds(32_000),
        /** Timer C: until a ringing INVITE is given up. fr_inv_timeout of OpenSIPS. */
        frInvTimeoutMs: milliseconds(180_000),
        /** Longest time that a target which answered 503 with Retry-After gets no request; 0 for none. */
        maxRetryAfterMs: z.number().int().min(0).max(86_400_000).default(3_600_000),
      })
      .prefault({}),
    /** Targets that are tried for one request, side by side and one after the other: as OpenSIPS's MAX_BRANCHES. */
    maxBranches: z.number().int().min(1).max(64).default(12),
    /** Larger requests go over TCP where there is a tcp socket. */
    udpMaxBytes: count(1_300),
    limits: z
      .strictObject({
        maxConnections: count(4_096),
        maxConnectionsPerIp: count(512),
        messageTimeoutMs: milliseconds(10_000),
        idleTimeoutMs: milliseconds(300_000),
        connectTimeoutMs: milliseconds(4_000),
        /** Head of a request, over any transport. The head of a reply may be twice as long: it repeats the request's. */
        maxHeadBytes: count(65_536),
        maxBodyBytes: count(1_048_576),
        maxSendBufferBytes: count(1_048_576),
        /** Requests under way; new ones are refused with 503 beyond it. */
        maxUnfinished: count(50_000),
        /** Bytes of the requests that are not finished. */
        maxUnfinishedBytes: count(134_217_728),
        /** Bytes that finished transactions keep for retransmissions; the oldest are forgotten beyond it. */
        maxKeptBytes: count(268_435_456),
      })
      .prefault({}),
    /** `host:port` of /metrics and /health; none without it. */
    http: z
      .string()
      .regex(/^(\[[0-9A-Fa-f:.]+\]|[^\s:]+):\d{1,5}$/, 'must be host:port, such as 127.0.0.1:9060')
      .optional(),
    /** How long the end waits for what is under way. */
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

/** What createProxy takes, and a configuration file holds. */
export type ProxyOptions = z.input<typeof schema>
/** The options with every default filled in. */
export type ProxyConfig = z.output<typeof schema>

/**
 * Fills in the defaults.
 *
 * @param from where the options come from, for the message
 * @throws ProxyError ERR_SIPLET_PROXY_CONFIG that names each option and what is accepted
 */
export function parseProxyConfig(options: unknown, from = 'bad configuration'): ProxyConfig {
  const result = schema.safeParse(options, { error: wrongValue })
  if (result.success) return result.data
  throw new ProxyError('ERR_SIPLET_PROXY_CONFIG', `${from}: ${whatIsWrong(schema, result.error).join('; ')}`)
}

/**
 * Reads a file of YAML or JSON. Paths in it count from the folder of the file.
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
