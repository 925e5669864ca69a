import type { Tags } from "./tags.ts";

/**
 * Returns the launcher of an instance: its Auto Scaling group first, because the event then names only a service role; then
 * the launcher that the event names; then the CloudFormation stack. Null if none is known. Takes the launcher named by the
 * event, and the tags of the instance: only AWS can set the two tags used here.
 */
export function launcherOf(namedByEvent: string | null, tags: Tags): string | null {
  const group = tags.get(GROUP_TAG);
  if (group) return autoScalingGroup(group);
  const stack = tags.get(STACK_TAG);
  return namedByEvent ?? (stack ? `CloudFormation stack ${stack}` : null);
}

const GROUP_TAG = "aws:autoscaling:groupName";
const STACK_TAG = "aws:cloudformation:stack-name";

/** Returns whether a tag with this key can name the launcher. */
export function isLauncherTag(key: string): boolean {
  return key === GROUP_TAG || key === STACK_TAG;
}

/** Returns the launcher's name for an Auto Scaling group. */
export function autoScalingGroup(name: string): string {
  return `Auto Scaling group ${name}`;
}
