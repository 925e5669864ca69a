import { AwsError } from "../errors.ts";
import { type Params, text, texts } from "../params.ts";
import type { Region } from "../regions.ts";
import type { XmlFields } from "../service.ts";
import { readFilters } from "./query.ts";

const FILTERS: Readonly<Record<string, (region: Region) => string>> = {
  endpoint: endpointOf,
  "opt-in-status": ({ optInStatus }) => optInStatus,
  "region-name": ({ name }) => name,
};

/**
 * DescribeRegions: the enabled ones; all with AllRegions; those of RegionName whether they are enabled or not.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html
 */
export function describeRegions(regions: readonly Region[], params: Params): XmlFields {
  const names = texts(params, "RegionName");
  const unknown = names.find((name) => !regions.some((region) => region.name === name));
  if (unknown !== undefined) throw new AwsError("InvalidParameterValue", `Invalid region name: '${unknown}'`);
  const filters = readFilters(params, (name) => Object.hasOwn(FILTERS, name));
  const isAsked = ({ name, optInStatus }: Region) =>
    names.length > 0 ? names.includes(name) : text(params, "AllRegions") === "true" || optInStatus !== "not-opted-in";
  return {
    regionInfo: regions
      .filter(isAsked)
      .filter((region) => filters.every(({ name, matches }) => matches(FILTERS[name]?.(region) ?? "")))
      .map((region) => ({
        regionName: region.name,
        regionEndpoint: endpointOf(region),
        optInStatus: region.optInStatus,
      })),
  };
}

function endpointOf({ name }: Region): string {
  return `ec2.${name}.amazonaws.com`;
}
