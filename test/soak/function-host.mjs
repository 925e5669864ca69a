// The process of the function: plain JavaScript, so that it loads only the deployed file, fake-timers and, for a webtask,
// the public webtask-runtime. Date and the timers follow the parent process, which sends the time in `tick` messages. What
// Node does by itself (sockets, the timeout of a fetch) takes real time.
import diagnostics from "node:diagnostics_channel";
import https from "node:https";
import { createRequire } from "node:module";
import tls from "node:tls";
import FakeTimers from "@sinonjs/fake-timers";

const require = createRequire(import.meta.url);
const clock = FakeTimers.install({ toFake: ["Date", "setTimeout", "clearTimeout"] });

let activity = 0;
for (const channel of [
  "http.client.request.start",
  "http.client.response.finish",
  "http.server.request.start",
  "http.server.response.finish",
]) {
  diagnostics.subscribe(channel, () => {
    activity += 1;
  });
}

let outside = 0;

/** Directs all https requests to the certificate server on loopback. */
function redirectHttps({ port, ca }) {
  https.globalAgent = new https.Agent({ keepAlive: false });
  https.globalAgent.createConnection = ({ host }) => {
    outside += 1;
    const socket = tls.connect({ host: "127.0.0.1", port, ca, servername: host });
    return socket.once("close", () => {
      outside -= 1;
    });
  };
}

function memory() {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heapUsed, peak: process.resourceUsage().maxRSS * 1024 };
}

let secrets = {};
let handler;

async function invoke({ id, event, context }) {
  const call = { ...context, getRemainingTimeInMillis: () => context.deadline - clock.now };
  try {
    process.send({ kind: "result", id, result: await handler(event, call) });
  } catch (error) {
    process.send({ kind: "result", id, error: `${error.name}: ${error.message}` });
  }
  activity += 1;
}

const HANDLERS = {
  start({ file, host, port, certificates, time, ...settings }) {
    clock.setSystemTime(time);
    redirectHttps(certificates);
    if (host === "lambda") {
      Object.assign(process.env, settings.secrets);
      handler = require(file).handler;
      return process.send({ kind: "ready" });
    }
    secrets = settings.secrets;
    const server = require("webtask-runtime").createServer(require(file), { secrets });
    // This timeout runs in real time, and would close a connection at the moment that SNS uses it again.
    server.keepAliveTimeout = 0;
    server.listen(port, "127.0.0.1", () => process.send({ kind: "ready" }));
  },
  // As when a webtask is created again: the same container, new secrets from the next request on.
  secrets({ secrets: others }) {
    for (const key of Object.keys(secrets)) delete secrets[key];
    Object.assign(secrets, others);
  },
  tick({ time }) {
    clock.tick(time - clock.now);
    setImmediate(() => {
      const due = [...(clock.timers?.values() ?? [])].map(({ callAt }) => callAt);
      const nextAt = due.length === 0 ? null : Math.min(...due);
      process.send({ kind: "progress", nextAt, activity, outside });
    });
  },
  invoke,
  memory: () => process.send({ kind: "memory", ...memory() }),
};

process.on("message", (message) => {
  if (message.kind !== "tick") activity += 1;
  HANDLERS[message.kind](message);
});
process.on("disconnect", () => process.exit());
