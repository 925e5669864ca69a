import { afterAll, beforeAll, describe } from "vitest";
import { busContract } from "./contract/bus.ts";
import { ec2Contract } from "./contract/ec2.ts";
import { eventsContract, stsContract } from "./contract/events-sts.ts";
import { rulesContract } from "./contract/rules.ts";
import { snsContract } from "./contract/sns.ts";
import { sqsContract } from "./contract/sqs.ts";
import { subscribersContract } from "./contract/subscribers.ts";
import { topicsContract } from "./contract/topics.ts";
import { embeddedTarget, findMotoServer, motoTarget, type Target } from "./targets.ts";

/** The embedded AWS is worth as much as it behaves like AWS: the same expectations hold for it and for a well-kept emulator. */
const moto = findMotoServer();
// The default reporter does not print the names of what was skipped.
if (moto === undefined) console.info("The contract with moto_server is skipped: moto_server is not on the PATH.");

const targets = [
  { name: "the embedded AWS", start: embeddedTarget },
  moto === undefined
    ? { name: "moto_server (skipped: moto_server is not on the PATH)", start: undefined }
    : { name: "moto_server", start: () => motoTarget(moto) },
];

for (const { name, start } of targets) {
  describe.skipIf(start === undefined)(`The contract, with ${name}`, () => {
    let running: Target | undefined;
    const target = (): Target => {
      if (running === undefined) throw new Error("the target has not been started");
      return running;
    };
    beforeAll(async () => {
      running = await start?.();
    }, 40_000);
    afterAll(() => running?.close());

    ec2Contract(target);
    topicsContract(target);
    snsContract(target);
    subscribersContract(target);
    sqsContract(target);
    eventsContract(target);
    rulesContract(target);
    stsContract(target);
    busContract(target);
  });
}
