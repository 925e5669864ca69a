import { createHash, randomUUID } from "node:crypto";
import { type Clock, dueAt } from "../clock.ts";
import type { Tags } from "../tags.ts";
import { Timeline } from "../timeline.ts";

/** A message attribute, of SNS and of SQS alike. */
export interface MessageAttribute {
  readonly type: string;
  /** Text; base64 for Binary. */
  readonly value: string;
}

/** A message to send. */
export interface Outgoing {
  readonly body: string;
  readonly attributes?: ReadonlyMap<string, MessageAttribute>;
  readonly groupId?: string | undefined;
  readonly deduplicationId?: string | undefined;
  readonly delaySeconds?: number | undefined;
  readonly sender: string;
  /** The rule or topic for which an AWS service sends, and its account, for the conditions of a queue's policy. */
  readonly source?: { readonly arn: string; readonly account: string } | undefined;
  /** For a message that moves to its dead-letter queue: it keeps its id and, except in FIFO queues, its sent time.
   * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html */
  readonly moved?: { readonly id: string; readonly sentAt: number };
}

/** A message in a queue. */
export interface Message extends Outgoing {
  readonly id: string;
  readonly md5: string;
  readonly sequence: number;
  /** ms epoch */
  readonly sentAt: number;
  firstReceivedAt: number | undefined;
  receiveCount: number;
  inFlight: boolean;
  deleted: boolean;
}

/** FIFO queues and topics keep a deduplication id for five minutes. */
export const DEDUPLICATION_MS = 300_000;

/** Returns the MD5 of a body in hexadecimal. SQS returns it, and SDKs check it. */
export function md5(body: string): string {
  return createHash("md5").update(body).digest("hex");
}

/** One queue: its visible messages, and its hidden and delayed ones. */
export class Queue {
  readonly name: string;
  readonly arn: string;
  readonly url: string;
  readonly fifo: boolean;
  /** The attributes that were set; the service adds the defaults. */
  readonly attributes = new Map<string, string>();
  readonly tags: Tags = new Map();
  /** ms epoch */
  readonly createdAt: number;
  readonly #clock: Clock;
  readonly #messages = new Map<string, Message>();
  readonly #seen = new Map<string, { at: number; message: Message }>();
  /** By id, so that a deleted message is released at once. */
  readonly #delayed = new Timeline<string>();
  readonly #inFlight = new Timeline<string>();
  readonly #lockedGroups = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  readonly #ready: Message[] = [];
  /** The index of the first item of `#ready` that was not received. */
  #head = 0;
  #sequence = 0;

  constructor(name: string, arn: string, url: string, clock: Clock) {
    this.name = name;
    this.arn = arn;
    this.url = url;
    this.fifo = name.endsWith(".fifo");
    this.#clock = clock;
    this.createdAt = clock.now();
  }

  /** Adds a message. A FIFO queue drops a duplicate within five minutes, and returns the earlier message. */
  send(outgoing: Outgoing): Message {
    const now = this.#clock.now();
    const duplicate = this.#duplicateOf(outgoing, now);
    if (duplicate !== undefined) return duplicate;
    this.#sequence += 1;
    const message: Message = {
      ...outgoing,
      id: outgoing.moved?.id ?? randomUUID(),
      md5: md5(outgoing.body),
      sequence: this.#sequence,
      sentAt: (this.fifo ? undefined : outgoing.moved?.sentAt) ?? now,
      firstReceivedAt: undefined,
      receiveCount: 0,
      inFlight: false,
      deleted: false,
    };
    this.#messages.set(message.id, message);
    if (outgoing.deduplicationId !== undefined) this.#seen.set(outgoing.deduplicationId, { at: now, message });
    const delay = outgoing.delaySeconds ?? Number(this.attributes.get("DelaySeconds") ?? 0);
    if (delay > 0) this.#delayed.add(dueAt(this.#clock, delay * 1000), message.id);
    else this.#ready.push(message);
    for (const listener of this.#listeners) listener();
    return message;
  }

  #duplicateOf(outgoing: Outgoing, now: number): Message | undefined {
    const age = DEDUPLICATION_MS / (this.#clock.speed ?? 1);
    for (const [id, { at }] of this.#seen) {
      if (at + age > now) break;
      this.#seen.delete(id);
    }
    return outgoing.deduplicationId === undefined ? undefined : this.#seen.get(outgoing.deduplicationId)?.message;
  }

  /**
   * Receives up to `max` messages, which are hidden for `visibilityMs`.
   * @param exhausted called for a message over its maxReceiveCount, which is no longer in this queue
   */
  receive(max: number, visibilityMs: number, maxReceives: number, exhausted: (message: Message) => void): Message[] {
    this.#wake();
    const now = this.#clock.now();
    const taken: Message[] = [];
    const passed: Message[] = [];
    const locked = new Set(this.#lockedGroups.keys());
    let next = this.#head;
    for (; next < this.#ready.length && taken.length < max; next += 1) {
      const message = this.#ready[next];
      if (message === undefined || message.deleted) continue;
      if (message.groupId !== undefined && this.fifo && locked.has(message.groupId)) {
        passed.push(message);
      } else if (message.receiveCount >= maxReceives) {
        this.remove(message.id);
        exhausted(message);
      } else {
        message.receiveCount += 1;
        message.firstReceivedAt ??= now;
        message.inFlight = true;
        taken.push(message);
        this.#lock(message, 1);
        this.#inFlight.add(dueAt(this.#clock, visibilityMs), message.id);
      }
    }
    this.#head = next - passed.length;
    for (const [index, message] of passed.entries()) this.#ready[this.#head + index] = message;
    if (this.#head > 1_000 && this.#head * 2 > this.#ready.length) {
      this.#ready.splice(0, this.#head);
      this.#head = 0;
    }
    return taken;
  }

  #lock(message: Message, by: 1 | -1): void {
    if (!this.fifo || message.groupId === undefined) return;
    const count = (this.#lockedGroups.get(message.groupId) ?? 0) + by;
    if (count <= 0) this.#lockedGroups.delete(message.groupId);
    else this.#lockedGroups.set(message.groupId, count);
  }

  /** Deletes a message. Returns false if the queue does not have it. */
  remove(id: string): boolean {
    const message = this.#messages.get(id);
    if (message === undefined) return false;
    message.deleted = true;
    this.#messages.delete(id);
    if (message.inFlight) this.#lock(message, -1);
    return true;
  }

  /** Deletes all messages. */
  purge(): void {
    for (const message of this.#messages.values()) message.deleted = true;
    this.#messages.clear();
    this.#ready.length = 0;
    this.#head = 0;
    this.#delayed.clear();
    this.#inFlight.clear();
    this.#lockedGroups.clear();
  }

  /** Returns the numbers of visible, in-flight and delayed messages. */
  counts(): { ready: number; inFlight: number; delayed: number } {
    this.#wake();
    const alive = (ids: readonly string[]) => ids.filter((id) => this.#messages.has(id)).length;
    return {
      ready: alive(this.#ready.slice(this.#head).map(({ id }) => id)),
      inFlight: alive(this.#inFlight.items()),
      delayed: alive(this.#delayed.items()),
    };
  }

  /** Returns the time (ms epoch) when the next hidden message is visible, if there is one. */
  get nextVisibleAt(): number | undefined {
    const moments = [this.#delayed.nextAt, this.#inFlight.nextAt].filter((at) => at !== undefined);
    return moments.length === 0 ? undefined : Math.min(...moments);
  }

  /** Calls `listener` at each sent message, until the returned function is called. */
  onSend(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Makes due messages visible. In a FIFO queue they keep their position in the order. */
  #wake(): void {
    const now = this.#clock.now();
    let woken = false;
    for (const [timeline, returning] of [[this.#delayed, false] as const, [this.#inFlight, true] as const]) {
      for (let id = timeline.take(now); id !== undefined; id = timeline.take(now)) {
        const message = this.#messages.get(id);
        if (message === undefined) continue;
        if (returning) {
          this.#lock(message, -1);
          message.inFlight = false;
        }
        this.#ready.push(message);
        woken = true;
      }
    }
    if (!woken || !this.fifo) return;
    this.#ready.splice(0, this.#head);
    this.#head = 0;
    this.#ready.sort((a, b) => a.sequence - b.sequence);
  }
}
