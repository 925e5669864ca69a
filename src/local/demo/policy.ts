import { type Policy, parsePolicy, sayProblem } from "../../policy/policy.ts";

/** The account that owns the demo's approved images. */
export const IMAGE_OWNER = "210987654321";

const DOCUMENT = {
  version: 1,
  rules: [
    { rule: "required-tags", tags: ["name", "service"] },
    { rule: "security-groups", id: "open-ports", severity: "critical", closed: [22, 3389] },
    { rule: "key-pair", severity: "high", allowed: ["ops-*"] },
    { rule: "image", id: "approved-images", owners: [IMAGE_OWNER] },
    { rule: "imdsv2", mode: "report" },
  ],
  exemptions: [
    {
      rules: ["approved-images"],
      when: { tag: "project", in: "migration" },
      reason: "Its image is replaced at the end of the year.",
      until: "2099-12-31",
    },
  ],
};

/** The demo's policy, as the value of AUDIT_POLICY. */
export const DEMO_POLICY = JSON.stringify(DOCUMENT);

/** Returns the demo's policy. */
export function demoPolicy(): Policy {
  const reading = parsePolicy(DEMO_POLICY);
  if ("problems" in reading) throw new Error(reading.problems.map(sayProblem).join("\n"));
  return reading.policy;
}
