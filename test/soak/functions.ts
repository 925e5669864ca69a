import { setTimeout } from "node:timers/promises";
import {
  type Audience,
  type CallContext,
  type FunctionProcess,
  type FunctionSettings,
  type Memory,
  startFunction,
} from "./function-process.ts";
import type { LockstepClock } from "./lockstep-clock.ts";

/** A Lambda function has so many containers at the most: the least that an event source can be limited to. */
export const LAMBDA_CONCURRENCY = 2;

/** The function as its host runs it: a webtask in one process, a Lambda function in as many as it has calls at a time. */
export interface Hosted {
  /** Calls the Lambda function in a process that is free; starts one when there is none. */
  invoke(event: unknown, context: CallContext): Promise<unknown>;
  /** Ends the process that uses an access key; a webtask is there again after `downMs`, Lambda starts another when it needs
   * one. False when it is dead already: what it sent before may still reach AWS. */
  kill(accessKeyId: string, downMs: number): boolean;
  /** From now on the function has the key of the next generation. */
  rotate(): void;
  /** The access keys that its processes have now. */
  keys(): readonly string[];
  memory(): Promise<readonly Memory[]>;
  stop(): void;
}

interface Slot {
  readonly name: string;
  generation: number;
  busy: boolean;
  process: FunctionProcess | null;
}

/** For so long on the wall, in ms, what a killed process has sent may still be on its way to AWS: it was sent before. */
const LAST_WORDS_MS = 100;

/** Hosts the function; `settings` are those of all its processes, each of which gets an access key of its own. */
export async function host(settings: FunctionSettings, clock: LockstepClock, audience: Audience): Promise<Hosted> {
  let generation = 0;
  const names =
    settings.face === "webtask" ? ["webtask"] : Array.from({ length: LAMBDA_CONCURRENCY }, (_, n) => `lambda-${n}`);
  const slots = names.map((name): Slot => ({ name, generation, busy: false, process: null }));

  const keyOf = (slot: Slot) => `${slot.name}-key-${slot.generation}`;
  const secretsOf = (slot: Slot) => ({
    ...settings.secrets,
    AWS_ACCESS_KEY_ID: keyOf(slot),
    AWS_SECRET_ACCESS_KEY: SECRET,
  });
  const start = async (slot: Slot): Promise<FunctionProcess> => {
    slot.generation = generation;
    const starting = startFunction({ ...settings, secrets: secretsOf(slot) }, clock, audience);
    clock.hold(starting);
    slot.process = await starting;
    return slot.process;
  };
  await Promise.all(slots.map(start));

  return {
    async invoke(event, context) {
      const slot = slots.find(({ busy }) => !busy);
      if (slot === undefined) throw new Error("no process is free: the event source calls more often than it may");
      slot.busy = true;
      try {
        // Credentials of a role are in the environment of the process: new ones take a new process.
        if (slot.generation !== generation) slot.process?.kill();
        const process = slot.process?.alive ? slot.process : await start(slot);
        return await process.invoke(event, context);
      } finally {
        slot.busy = false;
      }
    },
    kill(accessKeyId, downMs) {
      const slot = slots.find((each) => keyOf(each) === accessKeyId);
      if (!slot?.process?.alive) return false;
      slot.process.kill();
      clock.hold(setTimeout(LAST_WORDS_MS));
      if (settings.face === "webtask") clock.after(downMs, () => void start(slot));
      return true;
    },
    rotate() {
      generation += 1;
      for (const slot of slots) {
        if (settings.face === "lambda") continue;
        slot.generation = generation;
        if (slot.process?.alive) slot.process.setSecrets(secretsOf(slot));
      }
    },
    keys: () => slots.map(keyOf),
    async memory() {
      const all = await Promise.all(slots.map(({ process }) => (process?.alive ? process.memory() : null)));
      return all.filter((memory) => memory !== null);
    },
    stop: () => {
      for (const { process } of slots) process?.kill();
    },
  };
}

/** What the log and the alerts must never hold. */
export const SECRET = "soak/secret+access+key/that+nobody+may+see";
