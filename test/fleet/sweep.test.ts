import { EC2Client } from "@aws-sdk/client-ec2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decodeState, encodeState, type SweepState } from "../../src/fleet/continuation.ts";
import type { Pace } from "../../src/fleet/paced.ts";
import { beginSweep, isFinished, type SweepAccess, sweepStep } from "../../src/fleet/sweep.ts";
import { fleetTransport } from "../../src/fleet/transport.ts";
import { type EmbeddedAws, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { ACCOUNT, REGION } from "../support/events.ts";
import { policyOf } from "../support/policy.ts";

/** The steps of a sweep over one account and two regions of the embedded AWS, read over HTTP. The test moves the clock. */

const POLICY = policyOf({ rules: [{ rule: "required-tags", tags: ["owner"] }] });
const PAGE_MS = 1_000;
const STEP_MS = 4_000;
const START = { account: ACCOUNT, region: REGION, at: Date.parse("2026-11-25T06:00:00Z") };

let aws: EmbeddedAws;
let clock: number;
/** Called before each call of EC2, with its input. It may throw AWS's error. */
let before: (input: { readonly NextToken?: string }) => void;

beforeEach(async () => {
  aws = await startEmbeddedAws({ accountId: ACCOUNT });
  for (const region of ["us-east-1", "eu-west-1"]) {
    aws.generate({
      ...{ account: ACCOUNT, region, count: 3_500 },
      instance: (index) => ({
        imageId: "ami-00000000000000001",
        launchedAt: Date.parse("2026-11-20T06:00:00Z"),
        tags: index % 7 === 0 ? {} : { owner: `team-${index % 5}` },
      }),
    });
  }
  clock = 0;
  before = () => {};
});
afterEach(() => aws.close());

function access(): SweepAccess {
  const credentials = { accessKeyId: "function", secretAccessKey: "secret" };
  const common = { endpoint: aws.endpoint, credentials, maxAttempts: 1, requestHandler: fleetTransport(() => clock) };
  const pause: Pace["pause"] = (_, signal) =>
    new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
  return {
    ...{ policy: POLICY, own: ACCOUNT, hasRole: false, region: REGION },
    accountOf: (id) => ({
      ...{ id, role: null },
      ec2: (region) => {
        const client = new EC2Client({ ...common, region });
        const send = (...call: Parameters<EC2Client["send"]>) => {
          clock += PAGE_MS;
          before(call[0].input as { NextToken?: string });
          return client.send(...call);
        };
        return { send: send as EC2Client["send"] };
      },
    }),
    listAccounts: () => Promise.reject(new Error("the own account is the only one")),
    pace: { now: () => clock, pause, random: () => 0 },
  };
}

function begin(detail: object = { regions: ["us-east-1", "eu-west-1"] }): SweepState {
  const state = beginSweep({ ...START, detail: { ...detail } }, access());
  if ("problem" in state) throw new Error(state.problem);
  return state;
}

/** Runs steps of some milliseconds to the end, each from the text that the one before sends. Returns their states. */
async function sweep(milliseconds: number, state = begin(), most = 50): Promise<SweepState[]> {
  const states: SweepState[] = [];
  for (let next = state; !isFinished(next) && states.length < most; ) {
    const after = await sweepStep(next, access(), clock + milliseconds);
    states.push(after);
    next = decodeState(encodeState(after, POLICY)) ?? after;
  }
  return states;
}

describe("a sweep in several steps", () => {
  it("has the sums of one in one step", async () => {
    const [whole, ...none] = await sweep(600_000);
    expect(none).toEqual([]);
    const steps = await sweep(STEP_MS);
    expect(steps.length).toBeGreaterThanOrEqual(3);
    expect(steps.at(-1)?.sums).toEqual(whole?.sums);
    expect(whole?.sums.counts).toEqual({
      instances: 7_000,
      compliant: 6_000,
      violating: 1_000,
      notJudged: 0,
      findings: 1_000,
    });
    expect(whole?.sums.places).toEqual({ complete: 2, unread: [], unreadCount: 0 });
  });

  it("gives the same text when a step is repeated", async () => {
    const first = await sweepStep(begin(), access(), clock + STEP_MS);
    const again = await sweepStep(begin(), access(), clock + STEP_MS);
    expect(encodeState(again, POLICY)).toBe(encodeState(first, POLICY));
  });

  it("reads a place again from its beginning if EC2 refuses the token, and counts its pages once", async () => {
    const first = await sweepStep(begin(), access(), clock + STEP_MS);
    expect(first.begun.length).toBeGreaterThan(0);
    const refused = new Set(first.begun.map(({ next }) => next));
    before = ({ NextToken }) => {
      if (NextToken === undefined || !refused.delete(NextToken)) return;
      throw Object.assign(new Error("the token has expired"), { name: "InvalidNextToken" });
    };
    const last = (await sweep(600_000, first)).at(-1);
    expect(last?.sums.counts).toMatchObject({ instances: 7_000, violating: 1_000 });
    expect(last?.restarts).toBe(first.begun.length);
  });

  it("ends although EC2 refuses every token, and says that the places were read in part", async () => {
    before = ({ NextToken }) => {
      if (NextToken !== undefined) throw Object.assign(new Error("no"), { name: "InvalidNextToken" });
    };
    const last = (await sweep(STEP_MS)).at(-1);
    expect(last && isFinished(last)).toBe(true);
    expect(last?.sums.places).toMatchObject({ complete: 0, unreadCount: 2 });
    expect(last?.sums.places.unread.map(({ status }) => status)).toEqual(["partial", "partial"]);
  });

  it("gives up what cannot be read in three steps", async () => {
    const steps = await sweep(0);
    expect(steps.length).toBeGreaterThanOrEqual(3);
    const last = steps.at(-1);
    expect(last && isFinished(last)).toBe(true);
    expect(last?.sums.counts.instances).toBe(0);
    expect(last?.sums.places.unread[0]?.reason).toBe("nothing of it could be read in 3 invocations");
  });
});
