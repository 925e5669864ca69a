import type { Tags } from "./facts.ts";
import { partitionOf } from "./regions.ts";

/** The instance's name; null for one that has none. */
export function nameOf(tags: Tags): string | null {
  return tags.get("Name")?.trim() || tags.get("name")?.trim() || null;
}

/** The console's URL for EC2 in a region, up to the name of a page. */
export function consoleHome(region: string): string {
  return `https://${partitionOf(region).consoleHost}/ec2/home?region=${region}#`;
}
