import { createRequire } from "node:module";
import { Readable } from "node:stream";

/** A program of its own: loads a webtask and sends it one delivery. Arguments: its file, its secrets as JSON, the body. */
const [, , file = "", secrets = "{}", body = ""] = process.argv;
const request = Object.assign(Readable.from([Buffer.from(body)]), {
  method: "POST",
  url: "/",
  headers: { "content-type": "text/plain; charset=UTF-8" },
  x_wt: { container: "bench", url_format: 3 },
});
const response = {
  writeHead(status) {
    process.exitCode = status === 200 ? 0 : 1;
    return response;
  },
  end: () => process.exit(),
};
createRequire(import.meta.url)(file)({ secrets: JSON.parse(secrets) }, request, response);
