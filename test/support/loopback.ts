import { once } from "node:events";
import type { Server } from "node:http";

/** A listening server. */
export interface Served {
  /** Without a slash at its end. */
  readonly url: string;
  /** Closes the server and its connections. */
  close(): Promise<void>;
}

/** Starts a server on a free port of loopback. */
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
