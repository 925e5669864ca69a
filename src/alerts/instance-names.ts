import { partitionOf } from "../aws/regions.ts";
import type { Tags } from "../facts/tags.ts";

/** Returns the name in an instance's tags; null if it has none. */
export function nameOf(tags: Tags): string | null {
  return tags.get("Name")?.trim() || tags.get("name")?.trim() || null;
}

/** Returns the URL of the console page of all instances of a region. */
export function instancesPage(region: string): string {
  return `https://${partitionOf(region).consoleHost}/ec2/home?region=${region}#Instances:`;
}

/** Returns the URL of the console page of an instance of a region, without the instance's id at its end. */
export function instancePage(region: string): string {
  return `https://${partitionOf(region).consoleHost}/ec2/home?region=${region}#InstanceDetails:instanceId=`;
}
