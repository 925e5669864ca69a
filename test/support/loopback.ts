import { once } from "node:events";
import type { Server } from "node:http";

/** A server that listens. */
export interface Served {
  /** Without a slash at its end. */
  readonly url: string;
  /** Ends its connections too. */
  close(): Promise<void>;
}

/** Has a server listen on a free port of loopback. */
export async function serveOnLoopback(server: Server): Promise<Served> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
