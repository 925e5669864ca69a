import { partitionOf } from "../aws/regions.ts";
import type { Tags } from "../facts/tags.ts";

/** The instance's name; null for one that has none. */
export function nameOf(tags: Tags): string | null {
  return tags.get("Name")?.trim() || tags.get("name")?.trim() || null;
}

/** The console's page of all instances of a region. */
export function instancesPage(region: string): string {
  return `https://${partitionOf(region).consoleHost}/ec2/home?region=${region}#Instances:`;
}

/** The console's page of an instance of a region; the caller appends the instance's id. */
export function instancePage(region: string): string {
  return `https://${partitionOf(region).consoleHost}/ec2/home?region=${region}#InstanceDetails:instanceId=`;
}
