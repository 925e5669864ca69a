import { get } from "node:https";

/** A PEM certificate has two or three kilobytes. */
const MAX_BYTES = 16 * 1024;

/**
 * Fetches a small text over https, with the module that the SDK has loaded already: Node's own fetch has to load a client
 * of its own at its first use, which is the first delivery of a cold container. Redirects are not followed. Throws for any answer but 200, for one over 16 KiB, and
 * when the whole takes longer than the time given in milliseconds.
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
        if (bytes > MAX_BYTES) request.destroy(new Error("the answer is too large"));
        else chunks.push(chunk);
      });
      response.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
      response.on("error", reject);
    });
    request.on("error", reject);
  });
}
