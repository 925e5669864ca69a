import fc from "fast-check";
import { fetchedCertificates } from "../../../src/sns/certificate.ts";
import { fetchText } from "../../../src/sns/fetch-text.ts";
import { fromSource } from "../../support/test-stack.ts";
import { configurationOf, makeKeys, withoutFunctionUrl } from "../configuration.ts";
import type { Context } from "../corpus/case.ts";
import { effectProblems, problemsOf } from "../oracle.ts";
import { startTarget, type Target } from "../target.ts";
import { type FuzzCase, fuzzCases } from "./arbitraries.ts";

/** The start and the end of a run. */
export interface Run {
  readonly seed: number;
  readonly cases: number;
  readonly minutes: number;
  /** fast-check's path to the one case to run. Default: all cases of the seed. */
  readonly path?: string | undefined;
  /** Called after each case with the number of cases so far. */
  readonly onCase?: (done: number) => void;
}

export interface Report {
  readonly cases: number;
  readonly seconds: number;
  readonly byClass: ReadonlyMap<string, number>;
  readonly byResult: ReadonlyMap<string, number>;
  /** The shrunk case, its problems, and the path that replays it. */
  readonly failure: {
    readonly fuzzCase: FuzzCase | undefined;
    readonly problems: string;
    readonly path: string;
  } | null;
}

/** Runs random cases until one fails, or the limits of the run are reached. */
export async function fuzz({ seed, cases, minutes, path = "", onCase = () => {} }: Run): Promise<Report> {
  const byClass = new Map<string, number>();
  const byResult = new Map<string, number>();
  const startedAt = performance.now();
  let done = 0;
  let running: Promise<unknown> = Promise.resolve();
  const { target, context } = await startFuzzTarget();
  const details = await fc.check(
    fc.asyncProperty(fuzzCases(context), async (fuzzCase) => {
      const run = runCase(fuzzCase, target, context);
      running = run;
      const { result, problems } = await run;
      byClass.set(fuzzCase.class, (byClass.get(fuzzCase.class) ?? 0) + 1);
      byResult.set(result, (byResult.get(result) ?? 0) + 1);
      onCase(++done);
      if (problems.length > 0) throw new Error(problems.join("\n"));
    }),
    { seed, path, numRuns: cases, interruptAfterTimeLimit: minutes * 60_000, markInterruptAsFailure: false },
  );
  // The time limit leaves the last case running.
  await running.catch(() => {});
  await target.close();
  const { errorInstance, counterexample, counterexamplePath } = details;
  const problems = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  const failure = details.failed ? { fuzzCase: counterexample?.[0], problems, path: counterexamplePath ?? "" } : null;
  return { cases: done, seconds: (performance.now() - startedAt) / 1000, byClass, byResult, failure };
}

/**
 * Starts the function from its source: the deployed file would wait between alerts. Its clock stands still, so that a case
 * always gives the same result.
 */
export async function startFuzzTarget(): Promise<{ target: Target; context: Context }> {
  const now = Date.now();
  const keys = await makeKeys(now);
  const load = () =>
    fromSource(process.env, {
      now: () => now,
      pause: async () => {},
      write: (line) => process.stdout.write(`${line}\n`),
      certificates: fetchedCertificates(fetchText, () => now),
    });
  const target = await startTarget({ keys, regions: ["us-east-1"], tagKeys: ["tag-of-zebra"], load });
  const configuration = withoutFunctionUrl(configurationOf("zebra", "us-east-1", "123456789012", target.endpoint));
  return { target, context: { configuration, keys, now } };
}

/** Runs one case. Returns a word for its result, and its problems. */
export async function runCase(
  fuzzCase: FuzzCase,
  target: Target,
  context: Context,
): Promise<{ result: string; problems: readonly string[] }> {
  if (fuzzCase.class === "Lambda events") {
    const { result, problems } = await runEvent(fuzzCase.event, target, context);
    return { result, problems: [...problems, ...effectProblems(target.effects(), context)] };
  }
  const [webtaskHost, functionUrl] = target.hosts;
  const host = fuzzCase.host === "webtask" ? webtaskHost : functionUrl;
  const response = await host.send(fuzzCase.delivery, context.configuration);
  const problems = problemsOf(fuzzCase.expected, response, target.effects(), context);
  return { result: `${response.status} ${JSON.parse(response.body).outcome}`, problems };
}

/** The handler returns a response or throws an error of its own, for Lambda to retry. */
async function runEvent(event: unknown, target: Target, { configuration }: Context) {
  try {
    const response = (await target.invoke(event, configuration)) as object;
    const [key = "nothing"] = Object.keys(response);
    const isKnown = ["statusCode", "batchItemFailures", "outcomes"].includes(key);
    return { result: key, problems: isKnown ? [] : [`returned ${JSON.stringify(response)}`] };
  } catch (error) {
    const { name, stack } = error instanceof Error ? error : { name: "no error", stack: String(error) };
    return { result: `threw ${name}`, problems: name.startsWith("Audit_") ? [] : [`threw ${stack}`] };
  }
}
