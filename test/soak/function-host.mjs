// The process that the function runs in: plain JavaScript, so that nothing but the deployed file and, for a webtask, the
// public webtask-runtime is loaded in it. It lives in the time of the process that started it: Date and the timers go by
// what that says in its `tick` messages. What Node does by itself (sockets, the timeout of a fetch) keeps the wall's time.
import diagnostics from "node:diagnostics_channel";
import https from "node:https";
import { createRequire } from "node:module";
import tls from "node:tls";

const require = createRequire(import.meta.url);
const RealDate = Date;
const realSetTimeout = setTimeout;
const realClearTimeout = clearTimeout;

let now = RealDate.now();
const timers = new Map();

class VirtualDate extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(now);
    else super(...args);
  }
  static now() {
    return now;
  }
}

class VirtualTimer {
  constructor(run, ms) {
    this.at = now + ms;
    this.run = run;
  }
  ref() {
    return this;
  }
  unref() {
    return this;
  }
  hasRef() {
    return true;
  }
}

globalThis.Date = VirtualDate;
globalThis.setTimeout = (run, ms = 0, ...args) => {
  if (!(ms >= 1)) return realSetTimeout(run, 0, ...args);
  const timer = new VirtualTimer(() => run(...args), ms);
  timers.set(timer, timer);
  return timer;
};
globalThis.clearTimeout = (timer) => {
  if (timer instanceof VirtualTimer) timers.delete(timer);
  else realClearTimeout(timer);
};

function fireDueTimers() {
  const due = [...timers.keys()].filter((timer) => timer.at <= now).sort((a, b) => a.at - b.at);
  for (const timer of due) if (timers.delete(timer)) timer.run();
}

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

/** SNS's host names lead to the certificate server on loopback; nothing else is reached by https. */
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
  const call = { ...context, getRemainingTimeInMillis: () => context.deadline - now };
  try {
    process.send({ kind: "answer", id, result: await handler(event, call) });
  } catch (error) {
    process.send({ kind: "answer", id, error: `${error.name}: ${error.message}` });
  }
  activity += 1;
}

const HANDLERS = {
  start({ file, face, port, certificates, time, ...settings }) {
    now = time;
    redirectHttps(certificates);
    if (face === "lambda") {
      Object.assign(process.env, settings.secrets);
      handler = require(file).handler;
      return process.send({ kind: "ready" });
    }
    secrets = settings.secrets;
    const server = require("webtask-runtime").createServer(require(file), { secrets });
    // It would go by the wall's time, and close a connection at the moment that SNS takes it up again.
    server.keepAliveTimeout = 0;
    server.listen(port, "127.0.0.1", () => process.send({ kind: "ready" }));
  },
  // As when a webtask is created again: the same container, other secrets from the next request on.
  secrets({ secrets: others }) {
    for (const key of Object.keys(secrets)) delete secrets[key];
    Object.assign(secrets, others);
  },
  tick({ time }) {
    now = time;
    fireDueTimers();
    setImmediate(() => {
      const nextAt = timers.size === 0 ? null : Math.min(...[...timers.keys()].map((timer) => timer.at));
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
