import type { Tags } from "./tags.ts";

/**
 * Returns the launcher of an instance: its Auto Scaling group first, because the event then names only a service role; then
 * the launcher that the event names; then the CloudFormation stack. Null if none is known. Takes the launcher named by the
 * event, and the tags of the instance: only AWS can set the two tags used here.
 */
export function launcherOf(namedByEvent: string | null, tags: Tags): string | null {
  const group = tags.get("aws:autoscaling:groupName");
  if (group) return autoScalingGroup(group);
  const stack = tags.get("aws:cloudformation:stack-name");
  return namedByEvent ?? (stack ? `CloudFormation stack ${stack}` : null);
}

/** Returns the launcher's name for an Auto Scaling group. */
export function autoScalingGroup(name: string): string {
  return `Auto Scaling group ${name}`;
}
