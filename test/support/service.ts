import { createService, type Service } from "../../src/app.ts";
import type { Config } from "../../src/config.ts";
import type { Engine } from "../../src/launches/dispatch.ts";

/** Makes a service whose log lines are added to `lines`. */
export function serviceWith(config: Config, lines: string[]): Service {
  return createService(config, {
    now: Date.now,
    write: (line) => lines.push(line),
    certificates: { keyOf: async () => ({ kind: "failed", reason: "no network in tests" }) },
  });
}

/** Audits events that an engine brings, within twelve seconds. */
export function auditFor(engine: Engine, service: Service, events: readonly unknown[]) {
  return service.audit(
    events.map((event) => ({ event })),
    engine,
    Date.now() + 12_000,
  );
}
