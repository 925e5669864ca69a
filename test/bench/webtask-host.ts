import type { ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { strideClock } from "./stride-clock.ts";

/**
 * A process of its own: serves one webtask with the public webtask-runtime, and tells how much CPU it has used since it
 * was last asked. Arguments: the webtask's file, its secrets as JSON.
 */
const stride = strideClock();
const require = createRequire(import.meta.url);
const [, , file = "", secrets = "{}"] = process.argv;
const server = require("webtask-runtime").createServer(require(file), { secrets: JSON.parse(secrets) });

// Deliveries that come at the same time wait as usual, and share their alerts.
let open = 0;
server.prependListener("request", (_: unknown, response: ServerResponse) => {
  if (open === 0) stride();
  open += 1;
  response.on("close", () => {
    open -= 1;
  });
});

let since = process.cpuUsage();
process.on("message", () => {
  const { user, system } = process.cpuUsage(since);
  process.send?.({ microseconds: user + system });
  since = process.cpuUsage();
});
process.on("disconnect", () => process.exit());
server.listen(0, "127.0.0.1", () => process.send?.({ port: server.address().port }));
