import { HOME } from "./places.ts";

/** The topics of the soak: the default one first, then those of routes. */
export const TOPICS = ["ec2_audit_alert", "oncall", "payments", "lab", "chat"] as const;
export type Topic = (typeof TOPICS)[number];

/** The rules, with the keys of the tags that they require. */
export const RULES = [
  { id: "required-tags", tags: ["Name", "service"] },
  { id: "cost-center", tags: ["cost-center"], severity: "high" },
] as const;
export type RuleId = (typeof RULES)[number]["id"];

const PREFIX = `arn:aws:sns:${HOME.region}:${HOME.account}:`;
const arnOf = (topic: Topic) => `${PREFIX}${topic}`;

/** Returns the topic of an ARN; null for another one. */
export function topicOf(arn: string): Topic | null {
  return TOPICS.find((topic) => arnOf(topic) === arn) ?? null;
}

/** The policy: a route by severity, one by a tag, one instead of the default topic, and one in the format of chats. */
export const POLICY = JSON.stringify({
  version: 1,
  rules: RULES.map((rule) => ({ rule: "required-tags", ...rule })),
  routes: [
    { severity: "high", topic: arnOf("oncall") },
    { when: { tag: "team", in: "payments" }, topic: arnOf("payments") },
    { when: { launchedBy: "Auto Scaling group lab-*" }, topic: arnOf("lab"), instead: true },
    { rules: "cost-center", topic: arnOf("chat"), format: "chat" },
  ],
});

/**
 * Returns the topics that must get the findings of a rule. Takes the Auto Scaling group, and the tags of the instance when it is
 * judged. The launcher of an instance without a group is unknown, so its findings go to the lab too.
 */
export function topicsFor(rule: RuleId, group: string | null, tags: Readonly<Record<string, string>>): Topic[] {
  const isLab = group?.startsWith("lab-");
  return TOPICS.filter((topic) => {
    if (topic === "ec2_audit_alert") return !isLab;
    if (topic === "payments") return tags.team === "payments";
    return topic === "lab" ? (isLab ?? true) : rule === "cost-center";
  });
}
