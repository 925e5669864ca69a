import { counted, dateOf, grouped, percent, sentence } from "../util/figures.ts";
import { cut } from "../util/text.ts";
import { type DigestDocument, gravity } from "./digest-document.ts";
import { ALL_REGIONS } from "./place.ts";

/** SNS takes subjects of up to 100 characters. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
const MAX_SUBJECT = 99;
const MAX_SMS = 140;

/** The answer of a digest. */
export interface DigestAnswer {
  /** In ASCII, under 100 characters. */
  readonly subject: string;
  /** In ASCII, at most 140 characters. */
  readonly sms: string;
  /** The answer, what to do first, and what the answer lacks, each in a sentence. */
  readonly opening: readonly string[];
}

/** Returns the answer of a digest, and what to do first. */
export function digestAnswer(document: DigestDocument): DigestAnswer {
  const { places, accounts, account } = document;
  const { short, full, severe = "" } = inWords(document);
  const isUnread = places.unreadCount > 0 && places.complete > 0;
  const unread = isUnread ? `, ${counted(places.unreadCount, "place")} not read` : "";
  const where =
    places.accounts > 1
      ? `${grouped(places.accounts)} accounts`
      : (accounts.groups[0]?.value ?? places.unread[0]?.account ?? account);
  const caveat = `${counted(places.unreadCount, "place was", "places were")} not read.`;
  return {
    subject: cut(`EC2 audit (${where}): ${short}${unread}`, MAX_SUBJECT),
    sms: cut(`EC2 audit (${where}): ${short}${severe}${unread}`, MAX_SMS),
    opening: [full, firstOf(document), ...(isUnread ? [caveat] : [])],
  };
}

/** Returns the answer in a few words and as a sentence, and how many of the new violating instances are CRITICAL or HIGH. */
function inWords({ instances, compliant, violating, new: fresh, older, places }: DigestDocument): {
  readonly short: string;
  readonly full: string;
  readonly severe?: string;
} {
  const judged = compliant + violating;
  if (instances === 0 && places.complete === 0) {
    return { short: "no place could be read", full: "No place could be read, so nothing is known." };
  }
  if (instances === 0) {
    const where = places.complete === 1 ? "the place that was" : `the ${grouped(places.complete)} places that were`;
    return { short: "no instances", full: `There are no instances in ${where} read.` };
  }
  if (judged === 0) {
    return { short: `${counted(instances, "instance")}, none judged`, full: "No instance could be judged." };
  }
  const read = places.unreadCount === 0 ? "" : ` that ${judged === 1 ? "was" : "were"} read`;
  if (instances === 1) {
    const verb = violating === 1 ? "violates" : "complies with";
    return {
      short: `the only instance ${verb} the policy`,
      full: `The only instance${read} ${verb} the policy.`,
      severe: severeOf(fresh.violating > 0 ? fresh : older),
    };
  }
  const share = `${percent(compliant, judged)} compliant`;
  if (violating === 0) {
    const which = judged < instances ? "judged " : "";
    const [who, verb] =
      judged === 1 ? [`the only ${which}instance`, "complies"] : [`all ${grouped(judged)} ${which}instances`, "comply"];
    const rest = judged < instances ? `, ${grouped(instances - judged)} not judged` : "";
    return { short: `${who} ${verb}${rest}`, full: sentence(`${who}${read} ${verb} with the policy`) };
  }
  if (fresh.violating > 0) {
    const violate = counted(fresh.violating, "new instance violates", "new instances violate");
    return {
      short: `${share}, ${violate}`,
      full: `${violate} the policy${severeOf(fresh)}.`,
      severe: severeOf(fresh),
    };
  }
  return {
    short: `${share}, ${counted(violating, "instance violates", "instances violate")}, none new`,
    full: `No new instance violates the policy, but ${counted(violating, "older one does", "older ones do")}${severeOf(older)}.`,
  };
}

/** Returns how many violating instances are CRITICAL or HIGH, to follow their number: `, 12 of them CRITICAL or HIGH`. */
export function severeOf({ violating, severities }: DigestDocument["new" | "older"]): string {
  const severe = severities.critical + severities.high;
  if (severe === 0) return "";
  if (violating === 1) return severities.critical === 1 ? " (CRITICAL)" : " (HIGH)";
  return `, ${severe < violating ? `${grouped(severe)} of them` : "all"} CRITICAL or HIGH`;
}

/** Returns what to do first: about the most severe violation, a new one before an older one of the same severity. */
function firstOf(document: DigestDocument): string {
  const { instances, worst, rules, places, notJudgedRules, exemptionsEnding } = document;
  const [finding] = worst;
  const [rule] = [...rules].sort((a, b) => gravity(b) - gravity(a));
  if (finding && !(rule && gravity(rule) > gravity(finding))) {
    const { name, instanceId, severity, message } = finding;
    return sentence(`Start with ${name ?? instanceId} (${severity.toUpperCase()}): ${message}`);
  }
  if (rule) {
    const violate = counted(rule.violating, "instance violates", "instances violate");
    return sentence(`Start with the rule ${rule.ruleId} (${rule.severity.toUpperCase()}), which ${violate}`);
  }
  const [place] = places.unread;
  if (place) return sentence(`Start with ${placeName(place)}: ${place.reason}`);
  const [unjudged] = notJudgedRules;
  if (unjudged) {
    const on = counted(unjudged.instances, "instance");
    return sentence(`Start with the rule ${unjudged.ruleId}, which was not judged on ${on}: ${unjudged.reason}`);
  }
  const [ending] = exemptionsEnding;
  if (ending) {
    return sentence(`Decide whether to renew the exemption that ends on ${dateOf(ending.until)}: ${ending.reason}`);
  }
  return instances === 0
    ? "If there should be some, check the accounts and regions of the sweep."
    : "There is nothing to do.";
}

/** Returns the name of a place: `123456789012 us-east-1`. The account can be empty. */
export function placeName({ account, region }: { readonly account: string; readonly region: string }): string {
  return `${account} ${region === ALL_REGIONS ? "(all regions)" : region}`.trim();
}
