import { type ChildProcess, fork } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { LockstepClock, Participant, Progress } from "./lockstep-clock.ts";

/** The settings of a function's process. */
export interface FunctionSettings {
  /** Absolute path of the deployed file. */
  readonly file: string;
  readonly host: "webtask" | "lambda";
  /** A webtask's port on loopback. */
  readonly port: number;
  /** The webtask's secrets, or the Lambda function's environment. */
  readonly secrets: Readonly<Record<string, string>>;
  /** The port of the certificate server, and the PEM of its authority. */
  readonly certificates: { readonly port: number; readonly ca: string };
}

/** The memory of a process after garbage collection, in bytes; `peak` is its maximum. */
export interface Memory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly peak: number;
}

/** The context of an invocation; the deadline is in ms since the epoch. */
export interface CallContext {
  readonly awsRequestId: string;
  readonly invokedFunctionArn: string;
  readonly deadline: number;
}

/** The deployed file in a process of its own, on virtual time. */
export interface FunctionProcess {
  /** Invokes the Lambda handler. Rejects when the handler throws or the process ends. */
  invoke(event: unknown, context: CallContext): Promise<unknown>;
  /** Sets the secrets of a webtask from its next request on. */
  setSecrets(secrets: FunctionSettings["secrets"]): void;
  /** Resolves with null when the process ends. */
  memory(): Promise<Memory | null>;
  /** Ends the process at once. */
  kill(): void;
  readonly alive: boolean;
}

type Message =
  | ({ kind: "progress" } & Progress)
  | { kind: "result"; id: number; result?: unknown; error?: string }
  | ({ kind: "memory" } & Memory)
  | { kind: "ready" };

/** The error of an invocation whose process was killed. */
export class Killed extends Error {
  override readonly name = "Killed";
}

/** The observer of a function. */
export interface Observer {
  /** Receives each line of its log. */
  readonly log: (line: string) => void;
  /** Receives each failure that must not happen. */
  readonly failure: (failure: string) => void;
}

/** Starts the function. Throws Error when the process ends before it is ready. */
export async function startFunction(
  settings: FunctionSettings,
  clock: LockstepClock,
  observer: Observer,
): Promise<FunctionProcess> {
  const child: ChildProcess = fork(fileURLToPath(new URL("./function-host.mjs", import.meta.url)), [], {
    // webtask-runtime 2.0.0 reads a constant through a circular import, and Node warns about it at every request.
    execArgv: ["--disable-warning=Warning", "--disable-warning=NodeVersionSupportWarning", "--expose-gc"],
    env: { PATH: process.env.PATH },
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const calls = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  let nextId = 0;
  let alive = true;
  let onProgress: ((progress: Progress) => void) | null = null;
  let onMemory: ((memory: Memory | null) => void) | null = null;
  let onReady = (): void => {};
  let onEnd = (_: Error): void => {};
  const ready = new Promise<void>((resolve, reject) => {
    onReady = resolve;
    onEnd = reject;
  });

  if (child.stdout) createInterface(child.stdout).on("line", observer.log);
  child.on("message", (message: Message) => {
    switch (message.kind) {
      case "progress":
        return onProgress?.(message);
      case "memory":
        return onMemory?.(message);
      case "ready":
        return onReady();
      case "result": {
        const call = calls.get(message.id);
        calls.delete(message.id);
        if (message.error === undefined) call?.resolve(message.result);
        else call?.reject(new Error(message.error));
      }
    }
  });
  const participant: Participant = {
    tick(time) {
      if (!alive) return Promise.resolve(IDLE);
      return new Promise((resolve) => {
        onProgress = resolve;
        child.send({ kind: "tick", time });
      });
    },
  };
  const die = (reason: Error): void => {
    if (!alive) return;
    alive = false;
    clock.leave(participant);
    onProgress?.(IDLE);
    onMemory?.(null);
    for (const { reject } of calls.values()) reject(reason);
    calls.clear();
    onEnd(reason);
  };
  child.once("exit", () => {
    if (alive) observer.failure("the function's process ended by itself");
    die(new Error("the function's process ended by itself"));
  });

  child.send({ kind: "start", time: clock.now(), ...settings });
  await ready;
  clock.join(participant);
  return {
    get alive() {
      return alive;
    },
    invoke(event, context) {
      if (!alive) return Promise.reject(new Error("the function's process does not run"));
      nextId += 1;
      const id = nextId;
      return new Promise((resolve, reject) => {
        calls.set(id, { resolve, reject });
        child.send({ kind: "invoke", id, event, context });
      });
    },
    setSecrets: (secrets) => void child.send({ kind: "secrets", secrets }),
    memory: () =>
      new Promise((resolve) => {
        onMemory = resolve;
        child.send({ kind: "memory" });
      }),
    kill() {
      child.kill("SIGKILL");
      die(new Killed("the function's process was killed"));
    },
  };
}

const IDLE: Progress = { nextAt: null, activity: 0, outside: 0 };
