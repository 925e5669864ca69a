import type { ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { serve } from "../support/hosts.ts";
import { strideClock } from "./stride-clock.ts";

/**
 * A process of its own: the function on one host. It measures the CPU time of its own process.
 * Arguments: the function's file, and for a webtask its secrets as JSON. Lambda's configuration is in the environment.
 * Messages: for Lambda the events to invoke the handler with; for a webtask anything. Each reports the CPU time since
 * the last one, for Lambda that of its own events.
 */
const stride = strideClock();
const [, , file = "", secrets] = process.argv;
const audit = createRequire(import.meta.url)(file);

let since = process.cpuUsage();
const report = () => {
  const { user, system } = process.cpuUsage(since);
  process.send?.({ microseconds: user + system });
  since = process.cpuUsage();
};
process.on("disconnect", () => process.exit());

if (secrets === undefined) {
  const context = { getRemainingTimeInMillis: () => 30_000 };
  process.on("message", async (events: unknown[]) => {
    since = process.cpuUsage();
    for (const event of events) {
      stride();
      await audit.handler(event, context);
    }
    report();
  });
  process.send?.({ url: "" });
} else {
  // Deliveries that arrive together wait as usual, and share their alerts.
  let open = 0;
  const task = (context: unknown, request: unknown, response: ServerResponse) => {
    if (open === 0) stride();
    open += 1;
    response.on("close", () => {
      open -= 1;
    });
    audit(context, request, response);
  };
  process.on("message", report);
  const { url } = await serve(task, JSON.parse(secrets));
  process.send?.({ url });
}
