import { type ChildProcess, fork } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { LockstepClock, Participant, Progress } from "./lockstep-clock.ts";

/** What a function's process is started with. */
export interface FunctionSettings {
  /** The deployed file's absolute path. */
  readonly file: string;
  readonly face: "webtask" | "lambda";
  /** A webtask's port on loopback. */
  readonly port: number;
  /** A webtask's secrets; a Lambda function's environment. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Where SNS's certificates are served, and the PEM of the authority to trust there. */
  readonly certificates: { readonly port: number; readonly ca: string };
}

/** How much memory a process takes, in bytes, after a collection of garbage; `peak` is the most it ever took. */
export interface Memory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly peak: number;
}

/** What Lambda tells a function of a call; the deadline is in ms since the epoch. */
export interface CallContext {
  readonly awsRequestId: string;
  readonly invokedFunctionArn: string;
  readonly deadline: number;
}

/** The deployed file in a process of its own, which lives in the clock's time. */
export interface FunctionProcess {
  /** Calls the Lambda handler. Rejects when the handler throws, or the process dies. */
  invoke(event: unknown, context: CallContext): Promise<unknown>;
  /** Gives a webtask other secrets, from its next request on. */
  setSecrets(secrets: FunctionSettings["secrets"]): void;
  /** Null when it dies meanwhile. */
  memory(): Promise<Memory | null>;
  /** Ends it at once, whatever it is doing. */
  kill(): void;
  readonly alive: boolean;
}

type Answer =
  | ({ kind: "progress" } & Progress)
  | { kind: "answer"; id: number; result?: unknown; error?: string }
  | ({ kind: "memory" } & Memory)
  | { kind: "ready" };

/** Why a call is not answered whose process was killed. */
export class Killed extends Error {
  override readonly name = "Killed";
}

/** Who is told of what a function does. */
export interface Audience {
  /** Each line of its log. */
  readonly log: (line: string) => void;
  /** What it must never do. */
  readonly accident: (what: string) => void;
}

/** Starts the function. Throws when the process ends before it is ready. */
export async function startFunction(
  settings: FunctionSettings,
  clock: LockstepClock,
  audience: Audience,
): Promise<FunctionProcess> {
  const child: ChildProcess = fork(fileURLToPath(new URL("./function-host.mjs", import.meta.url)), [], {
    // webtask-runtime 2.0.0 reads a constant through a circular import, of which Node warns at every request.
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

  if (child.stdout) createInterface(child.stdout).on("line", audience.log);
  child.on("message", (answer: Answer) => {
    switch (answer.kind) {
      case "progress":
        return onProgress?.(answer);
      case "memory":
        return onMemory?.(answer);
      case "ready":
        return onReady();
      case "answer": {
        const call = calls.get(answer.id);
        calls.delete(answer.id);
        if (answer.error === undefined) call?.resolve(answer.result);
        else call?.reject(new Error(answer.error));
      }
    }
  });
  const participant: Participant = {
    tick(time) {
      if (!alive) return Promise.resolve(AT_REST);
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
    onProgress?.(AT_REST);
    onMemory?.(null);
    for (const { reject } of calls.values()) reject(reason);
    calls.clear();
    onEnd(reason);
  };
  child.once("exit", () => {
    if (alive) audience.accident("the function's process ended by itself");
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
      if (!alive) return Promise.reject(new Error("the function's process is not there"));
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

const AT_REST: Progress = { nextAt: null, activity: 0, outside: 0 };
