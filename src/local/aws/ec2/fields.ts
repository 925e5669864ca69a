import type { XmlFields } from "../service.ts";
import type { Instance, InstanceState, Tags } from "./model.ts";

const STATE_CODES: Readonly<Record<InstanceState, number>> = {
  pending: 0,
  running: 16,
  "shutting-down": 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

/** Returns a state as EC2 writes it: `{ code, name }`. */
export function stateFields(state: InstanceState): XmlFields {
  return { code: STATE_CODES[state], name: state };
}

/** Returns tags as EC2 writes them; undefined (omitted) without tags. */
export function tagSet(tags: Tags): XmlFields[] | undefined {
  return tags.size === 0 ? undefined : [...tags].map(([key, value]) => ({ key, value }));
}

/** Returns who manages an instance, or a volume of it. */
export function operatorFields({ operator }: Instance): XmlFields {
  return { managed: operator !== undefined, principal: operator };
}

let [lastMs, lastTime] = [0, "1970-01-01T00:00:00.000Z"];

/** Returns a time as EC2 writes it. @param ms since 1970 */
export function time(ms: number): string {
  // An instance has the same time many times.
  if (ms !== lastMs) [lastMs, lastTime] = [ms, new Date(ms).toISOString()];
  return lastTime;
}
