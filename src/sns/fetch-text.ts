import { get } from "node:https";

/** A PEM certificate has 2 to 3 kB. */
const MAX_BYTES = 16 * 1024;

/**
 * Fetches a small text over https. Does not follow redirects. Throws for any status but 200, for a body over 16 KiB, and when
 * the request takes longer than `timeoutMs` milliseconds. It uses a module that the SDK has loaded already: Node's fetch loads
 * a client of its own on first use, which would be the first delivery of a cold container.
 */
export function fetchText(url: string, timeoutMs = 3_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      if (response.statusCode !== 200) {
        request.destroy(new Error(`status ${response.statusCode}`));
        return;
      }
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BYTES) request.destroy(new Error("the response is too large"));
        else chunks.push(chunk);
      });
      response.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
      response.on("error", reject);
    });
    request.on("error", reject);
  });
}
