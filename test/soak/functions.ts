import { setTimeout } from "node:timers/promises";
import {
  type CallContext,
  type FunctionProcess,
  type FunctionSettings,
  type Memory,
  type Observer,
  startFunction,
} from "./function-process.ts";
import type { LockstepClock } from "./lockstep-clock.ts";

/** The maximum number of containers of the Lambda function: the smallest limit of an event source. */
export const LAMBDA_CONCURRENCY = 2;

/** The processes of the function: one for a webtask, one for each concurrent invocation on Lambda. */
export interface FunctionHost {
  /** Invokes the Lambda function in an idle process; starts one when there is none. */
  invoke(event: unknown, context: CallContext): Promise<unknown>;
  /** Kills the process that uses an access key. A webtask restarts after `downMs`; Lambda starts a process when it needs one.
   * Returns false when the process has ended already: its last requests may still reach AWS. */
  kill(accessKeyId: string, downMs: number): boolean;
  /** Gives the function the next access keys. */
  rotate(): void;
  /** Returns the access keys of its processes. */
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

/** The real time in ms for which the last requests of a killed process may still be on their way to AWS. */
const IN_FLIGHT_MS = 100;

/** Starts the processes of the function. Each gets an access key of its own. */
export async function hostFunction(
  settings: FunctionSettings,
  clock: LockstepClock,
  observer: Observer,
): Promise<FunctionHost> {
  let generation = 0;
  const names =
    settings.host === "webtask" ? ["webtask"] : Array.from({ length: LAMBDA_CONCURRENCY }, (_, n) => `lambda-${n}`);
  const slots = names.map((name): Slot => ({ name, generation, busy: false, process: null }));

  const keyOf = (slot: Slot) => `${slot.name}-key-${slot.generation}`;
  const secretsOf = (slot: Slot) => ({
    ...settings.secrets,
    AWS_ACCESS_KEY_ID: keyOf(slot),
    AWS_SECRET_ACCESS_KEY: SECRET,
  });
  const start = async (slot: Slot): Promise<FunctionProcess> => {
    slot.generation = generation;
    const starting = startFunction({ ...settings, secrets: secretsOf(slot) }, clock, observer);
    clock.hold(starting);
    slot.process = await starting;
    return slot.process;
  };
  await Promise.all(slots.map(start));

  return {
    async invoke(event, context) {
      const slot = slots.find(({ busy }) => !busy);
      if (slot === undefined) throw new Error("no process is idle: the event source exceeds its maximum concurrency");
      slot.busy = true;
      try {
        // A role's credentials are in the environment of the process: new credentials need a new process.
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
      clock.hold(setTimeout(IN_FLIGHT_MS));
      if (settings.host === "webtask") clock.after(downMs, () => void start(slot));
      return true;
    },
    rotate() {
      generation += 1;
      for (const slot of slots) {
        if (settings.host === "lambda") continue;
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

/** Must not appear in the log or in alerts. */
export const SECRET = "soak/secret+access+key/that+nobody+may+see";
