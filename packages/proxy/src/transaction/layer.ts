/** All transactions of one proxy, by their keys. */
import { printable } from '@siplet/engine'
import type { SIPMessage, Via } from '@siplet/sipmsg'
import type { Clock } from '../clock.ts'
import { debugTransaction } from '../debug.ts'
import { type Guard, SILENT_GUARD } from '../guard.ts'
import type { ClientRequest, ClientUser } from './client.ts'
import { InviteClientTransaction } from './invite-client.ts'
import { InviteServerTransaction } from './invite-server.ts'
import { KeptMessages } from './kept-messages.ts'
import { cancelledKey, clientKey } from './key.ts'
import { NonInviteClientTransaction } from './non-invite-client.ts'
import { NonInviteServerTransaction } from './non-invite-server.ts'
import type { Send, Surroundings } from './surroundings.ts'
import type { TimerValues } from './timer-values.ts'

export type ClientTransaction = InviteClientTransaction | NonInviteClientTransaction
export type ServerTransaction = InviteServerTransaction | NonInviteServerTransaction

export class TransactionLayer {
  readonly #clients = new Map<string, ClientTransaction>()
  readonly #servers = new Map<string, ServerTransaction>()
  readonly #aroundClients: Surroundings
  readonly #aroundServers: Surroundings
  readonly #guard: Guard
  /** Messages that finished transactions keep for retransmissions. */
  readonly kept: KeptMessages

  /**
   * @param retransmitted called for every message that is sent or received again
   * @param maxKeptBytes upper bound on the bytes that finished transactions keep for retransmissions
   */
  constructor(
    clock: Clock,
    timers: TimerValues,
    retransmitted: () => void,
    guard: Guard = SILENT_GUARD,
    maxKeptBytes = Number.POSITIVE_INFINITY,
  ) {
    this.#guard = guard
    this.kept = new KeptMessages(maxKeptBytes)
    const around = (table: Map<string, unknown>): Surroundings => ({
      clock,
      timers,
      guard,
      kept: this.kept,
      retransmitted,
      terminated: (key) => {
        table.delete(key)
        if (debugTransaction.enabled) debugTransaction(`terminated: ${printable(key)}`)
      },
    })
    this.#aroundClients = around(this.#clients)
    this.#aroundServers = around(this.#servers)
  }

  /** Number of transactions that are not terminated yet. */
  get size(): { client: number; server: number } {
    return { client: this.#clients.size, server: this.#servers.size }
  }

  /**
   * Passes a request to its transaction, if the request is a retransmission or the ACK to a reply of 300 and above.
   * Returns false if there is no such transaction: the request is for the core. The ACK to a 2xx is always for the
   * core.
   *
   * @param key serverKey of the request
   */
  receiveRequest(request: SIPMessage, key: string): boolean {
    const transaction = this.#servers.get(key)
    if (transaction === undefined) return false
    if (request.method !== 'ACK') transaction.receiveRequest()
    else if (transaction instanceof InviteServerTransaction && transaction.state !== 'accepted') {
      transaction.receiveAck()
    } else return false
    return true
  }

  /** Passes a reply to its transaction. Returns false if there is none. */
  receiveReply(reply: SIPMessage, via: Via): boolean {
    const transaction = this.#clients.get(clientKey(via.branch ?? '', reply.cseqMethod ?? ''))
    if (transaction === undefined) return false
    this.#guard.run('client-transaction', transaction, () => transaction.receive(reply))
    return true
  }

  /** Returns the INVITE transaction that a CANCEL refers to; undefined if there is none. */
  cancelled(cancel: SIPMessage, via: Via): InviteServerTransaction | undefined {
    return this.#servers.get(cancelledKey(cancel, via)) as InviteServerTransaction | undefined
  }

  /** @param key serverKey of the request */
  createServer(method: string, key: string, reliable: boolean, send: Send): ServerTransaction {
    const Transaction = method === 'INVITE' ? InviteServerTransaction : NonInviteServerTransaction
    const transaction = new Transaction(key, reliable, send, this.#aroundServers)
    this.#servers.set(key, transaction)
    if (debugTransaction.enabled) debugTransaction(`server transaction: ${printable(key)}`)
    return transaction
  }

  /** Creates a client transaction and sends its request. `branch` is the branch of the request's topmost Via. */
  startClient(request: ClientRequest, branch: string, user: ClientUser): ClientTransaction {
    const method = request.message.method!
    const key = clientKey(branch, method)
    const Transaction = method === 'INVITE' ? InviteClientTransaction : NonInviteClientTransaction
    const transaction = new Transaction(key, request, user, this.#aroundClients)
    this.#clients.set(key, transaction)
    if (debugTransaction.enabled) debugTransaction(`client transaction: ${printable(key)}`)
    this.#guard.run('client-transaction', transaction, () => transaction.start())
    return transaction
  }

  /** Ends all transactions. */
  close(): void {
    for (const transaction of [...this.#clients.values(), ...this.#servers.values()]) transaction.terminate()
  }
}
