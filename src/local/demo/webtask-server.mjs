// The process that the function runs in: plain JavaScript, so that nothing but the public webtask-runtime and the deployed
// file is loaded in it. What to serve, where, and with which secrets comes in one message.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

process.once("message", ({ file, port, secrets }) => {
  const server = require("webtask-runtime").createServer(require(file), { secrets });
  server.listen(port, "127.0.0.1", () => process.send({ listening: true }));
});
process.on("disconnect", () => process.exit());
