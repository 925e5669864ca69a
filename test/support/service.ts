import { createMemory, createService, type Host, type Service } from "../../src/app.ts";
import type { Config } from "../../src/config.ts";
import type { Engine } from "../../src/launches/dispatch.ts";

/** Creates a service that adds its log lines to `lines`. */
export function serviceWith(config: Config, lines: string[]): Service {
  const host: Host = {
    now: Date.now,
    write: (line) => lines.push(line),
    certificates: { keyOf: async () => ({ kind: "failed", reason: "no network in tests" }) },
  };
  return createService(config, host, createMemory());
}

/** Audits the events of an engine, with a deadline of twelve seconds. */
export function auditFor(engine: Engine, service: Service, events: readonly unknown[]) {
  return service.audit(
    events.map((event) => ({ event })),
    engine,
    Date.now() + 12_000,
  );
}
