import { afterAll, beforeAll } from "vitest";
import type { Target } from "../targets.ts";
import { busContract } from "./bus.ts";
import { ec2Contract } from "./ec2.ts";
import { ec2ResourcesContract } from "./ec2-resources.ts";
import { eventsContract, stsContract } from "./events-sts.ts";
import { fleetContract } from "./fleet.ts";
import { rulesContract } from "./rules.ts";
import { snsContract } from "./sns.ts";
import { sqsContract } from "./sqs.ts";
import { subscribersContract } from "./subscribers.ts";
import { topicsContract } from "./topics.ts";

/** The project's expectations of AWS. The embedded AWS and moto_server must both comply with them. */
export function contract(start: () => Promise<Target>): void {
  let running: Target | undefined;
  const target = (): Target => {
    if (running === undefined) throw new Error("the target has not been started");
    return running;
  };
  beforeAll(async () => {
    running = await start();
  }, 40_000);
  afterAll(() => running?.close());

  ec2Contract(target);
  ec2ResourcesContract(target);
  fleetContract(target);
  topicsContract(target);
  snsContract(target);
  subscribersContract(target);
  sqsContract(target);
  eventsContract(target);
  rulesContract(target);
  stsContract(target);
  busContract(target);
}
