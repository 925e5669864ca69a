import { startEmbeddedAws } from "../../../src/local/aws/index.ts";
import { addSizedFleet } from "../../support/sized-fleet.ts";

/**
 * A process of its own: the embedded AWS with a fleet. Argument: the number of instances. It sends its endpoint and what is true of
 * the fleet. Messages: anything; it answers with the calls since the last message, by `service:Action`.
 */
const aws = await startEmbeddedAws();
const places = addSizedFleet(aws, Number(process.argv[2]));
const counted = new Map<string, number>();
process.send?.({ endpoint: aws.endpoint, places });
process.on("message", () => {
  const calls = [...aws.callCounts].map(([action, calls]) => [action, calls - (counted.get(action) ?? 0)] as const);
  for (const [action, calls] of aws.callCounts) counted.set(action, calls);
  process.send?.({ calls: Object.fromEntries(calls) });
});
process.on("disconnect", () => process.exit());
