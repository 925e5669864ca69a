import { isIP } from "node:net";
import { instancePage } from "../../alerts/instance-names.ts";
import { partitionOf } from "../../aws/regions.ts";
import type { Severity } from "../../policy/rule.ts";
import { sentence } from "../../util/figures.ts";
import { cut } from "../../util/text.ts";
import type { Header, Resolution, RuleLine, VerdictLine } from "./lines.ts";
import type { Report } from "./read-lines.ts";
import { tagOf } from "./tag.ts";

/**
 * Yields a report as OCSF 1.6 Compliance Findings (class 2003), one a line, as Security Hub exports and Splunk reads them. A
 * finding keeps its `finding_info.uid` from report to report, so a later event updates or closes the earlier one. Throws CliError
 * for a damaged line. https://schema.ocsf.io/1.6.0/classes/compliance_finding
 * https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-ocsf.html
 */
export async function* renderOcsf({ header, verdicts }: Report): AsyncGenerator<string> {
  const rules = new Map(header.rules.map((rule) => [rule.id, rule]));
  for await (const line of verdicts()) {
    // The line of the exempt violation says so, and a second event about the same finding would close it.
    if (line.type === "resolved" && line.resolution === "exempted") continue;
    yield `${JSON.stringify(eventOf(line, rules.get(line.ruleId), header))}\n`;
  }
}

const SEVERITY_IDS: Readonly<Record<Severity, readonly [number, string]>> = {
  low: [2, "Low"],
  medium: [3, "Medium"],
  high: [4, "High"],
  critical: [5, "Critical"],
};

const [CREATE, UPDATE, CLOSE] = [
  [1, "Create"],
  [2, "Update"],
  [3, "Close"],
] as const;
const [NEW, SUPPRESSED, RESOLVED] = [
  [1, "New"],
  [3, "Suppressed"],
  [4, "Resolved"],
] as const;
const [PASS, WARNING, FAIL, NOT_APPLICABLE] = [
  [1, "Pass"],
  [2, "Warning"],
  [3, "Fail"],
  [99, "Not applicable"],
] as const;

/** Where a finding is in its life: the activity, the finding's status, the compliance status, and the reason for it. */
interface Life {
  readonly activity: readonly [number, string];
  readonly status: readonly [number, string];
  readonly compliance: readonly [number, string];
  readonly detail?: string;
}

const RESOLUTIONS: Readonly<Record<Resolution, string>> = {
  fixed: "the instance complies",
  terminated: "the instance is terminated",
  exempted: "an exemption exempts the instance",
  scope: "the instance left the scope of the rule",
  policy: "the policy has changed",
};

function lifeOf(line: VerdictLine, { since, exemptions }: Header): Life {
  const activity = since === null || (line.type === "finding" && line.status === "new") ? CREATE : UPDATE;
  if (line.type === "resolved") {
    const compliance = line.resolution === "fixed" ? PASS : NOT_APPLICABLE;
    return { activity: CLOSE, status: RESOLVED, compliance, detail: sentence(RESOLUTIONS[line.resolution]) };
  }
  if (line.type === "exempt") {
    const exemption = exemptions[line.exemption];
    const detail = exemption && `Exempt until ${exemption.until}: ${exemption.reason}`;
    return { activity, status: SUPPRESSED, compliance: FAIL, ...(detail && { detail }) };
  }
  if (line.status !== "unknown") return { activity, status: NEW, compliance: FAIL };
  const detail = "Not confirmed: the account and region were not read completely, or the rule was not judged.";
  return { activity, status: NEW, compliance: WARNING, detail };
}

/** Security Hub shows a title on one line. */
const MAX_TITLE = 256;

function eventOf(line: VerdictLine, rule: RuleLine | undefined, header: Header): object {
  const { account, region, instanceId, ruleId, severity, message, remedy, link, dedupKey } = line;
  const { activity, status, compliance, detail } = lifeOf(line, header);
  const [activityId, activityName] = activity;
  const [severityId, severityName] = SEVERITY_IDS[severity];
  const demands = demandOf(rule) ?? ruleId;
  const firstSeen = "firstSeen" in line ? line.firstSeen : null;
  const isSeen = line.type === "exempt" || (line.type === "finding" && line.status !== "unknown");
  const now = Date.parse(header.time);
  const [product = "", version] = header.tool.split(" ");
  return {
    class_uid: 2003,
    class_name: "Compliance Finding",
    category_uid: 2,
    category_name: "Findings",
    activity_id: activityId,
    activity_name: activityName,
    type_uid: 200_300 + activityId,
    type_name: `Compliance Finding: ${activityName}`,
    time: now,
    time_dt: header.time,
    severity_id: severityId,
    severity: severityName,
    status_id: status[0],
    status: status[1],
    ...(detail && { status_detail: detail }),
    message: `${instanceId} violates ${ruleId}: ${message}`,
    metadata: {
      version: "1.6.0",
      profiles: ["cloud", "datetime"],
      product: { uid: product, name: product, vendor_name: product, ...(version && { version }) },
    },
    cloud: {
      provider: "AWS",
      account: accountOf(account, header),
      region,
      cloud_partition: partitionOf(region).name,
    },
    finding_info: {
      uid: dedupKey,
      title: cut(demands, MAX_TITLE),
      desc: sentence(message),
      src_url: instancePage(region) + instanceId,
      ...(firstSeen && {
        created_time: Date.parse(firstSeen),
        created_time_dt: firstSeen,
        first_seen_time: Date.parse(firstSeen),
        first_seen_time_dt: firstSeen,
      }),
      ...(isSeen && { last_seen_time: now, last_seen_time_dt: header.time }),
      modified_time: now,
      modified_time_dt: header.time,
      analytic: { type_id: 1, type: "Rule", uid: ruleId, name: ruleId, category: line.rule },
    },
    compliance: {
      status_id: compliance[0],
      status: compliance[1],
      ...(detail && { status_detail: detail }),
      control: ruleId,
      requirements: [demands],
      standards: ["EC2 audit policy"],
    },
    resources: [resourceOf(line, header)],
    remediation: { desc: remedy.join("\n"), ...(link && { references: [link] }) },
    unmapped: { id: line.id, ...detailsOf(line) },
  };
}

/** Returns what a rule demands, with its subject and a capital; null for a rule that demands nothing, or that the policy lacks. */
function demandOf(rule: RuleLine | undefined): string | null {
  if (!rule?.demands) return null;
  return sentence(rule.demands.startsWith("must ") ? `an instance ${rule.demands}` : rule.demands).slice(0, -1);
}

function accountOf(account: string, { accounts }: Header): object {
  const name = accounts[account];
  return { uid: account, ...(name && { name }), type_id: 10, type: "AWS Account" };
}

/** https://docs.aws.amazon.com/securityhub/latest/userguide/aws-extension-basic-attributes.html */
function resourceOf(line: VerdictLine, header: Header): object {
  const { account, region, instanceId, name, tags, availabilityZone, launchTime, privateIp } = line;
  const { state, instanceType, imageId, keyName, vpcId, subnetId, publicIp, instanceProfile, launchedBy } = line;
  const partition = partitionOf(region).name;
  const owner = tagOf(tags, header.ownerTag);
  const launched = Date.parse(launchTime ?? "");
  return {
    uid: instanceId,
    uid_alt: `arn:${partition}:ec2:${region}:${account}:instance/${instanceId}`,
    name: name ?? instanceId,
    type: "AWS::EC2::Instance",
    cloud_partition: partition,
    region,
    ...(availabilityZone && { zone: availabilityZone }),
    ...(privateIp && isIP(privateIp) !== 0 && { ip: privateIp }),
    ...(launched > 0 && { created_time: launched, created_time_dt: launchTime }),
    owner: { ...(owner && { name: owner }), account: accountOf(account, header) },
    tags: Object.entries(tags).map(([key, value]) => ({ name: key, value })),
    data: { state, instanceType, imageId, keyName, vpcId, subnetId, privateIp, publicIp, instanceProfile, launchedBy },
  };
}

/** Returns the fields that the rule has added: lists of what is wrong. */
function detailsOf(line: VerdictLine): object {
  return Object.fromEntries(Object.entries(line).filter(([name, value]) => Array.isArray(value) && name !== "remedy"));
}
