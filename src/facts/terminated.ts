import type { Instance } from "./instances.ts";

/** Returns whether the instance is terminated or shutting down. EC2 still shows it for about an hour. */
export function isTerminated({ state }: Pick<Instance, "state">): boolean {
  return state === "shutting-down" || state === "terminated";
}
