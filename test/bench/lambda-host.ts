import { createRequire } from "node:module";
import { strideClock } from "./stride-clock.ts";

/**
 * A process of its own: calls the Lambda handler with each event that it is sent, and answers how much CPU that took.
 * Arguments: the handler's file. Its configuration is in the environment.
 */
const stride = strideClock();
const require = createRequire(import.meta.url);
const { handler } = require(process.argv[2] ?? "");
const context = { getRemainingTimeInMillis: () => 30_000 };

process.on("message", async (events: unknown[]) => {
  const since = process.cpuUsage();
  for (const event of events) {
    stride();
    await handler(event, context);
  }
  const { user, system } = process.cpuUsage(since);
  process.send?.({ microseconds: user + system });
});
process.on("disconnect", () => process.exit());
process.send?.({ port: 0 });
