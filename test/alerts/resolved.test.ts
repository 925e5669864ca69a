import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import schema from "../../src/alerts/alert.schema.json";
import { type Alert, alertsFor } from "../../src/alerts/alert.ts";
import { chatMessage } from "../../src/alerts/chat.ts";
import type { Resolved } from "../../src/alerts/finding.ts";
import { AT, INSTANCE, instanceId } from "../support/events.ts";
import { findingOf, resolvedFinding } from "../support/findings.ts";

const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
addFormats.default(ajv);
const validate = ajv.compile(schema);

/** The one alert for some resolved findings. */
function alertFor(...findings: readonly Resolved[]): Alert {
  const [alert, ...others] = alertsFor(findings, AT);
  if (alert === undefined || others.length > 0) throw new Error(`${others.length + 1} alerts`);
  return alert;
}
const protocolsOf = (alert: Alert): Record<string, string> => JSON.parse(alert.message);
const documentOf = (alert: Alert) => JSON.parse(protocolsOf(alert).default ?? "");
/** The text of the e-mail up to its facts. */
const openingOf = (...findings: readonly Resolved[]) => alertFor(...findings).text.split("\n\nInstance ")[0];

const named = (name: string, id = INSTANCE) => ({ instanceId: id, tags: new Map([["Name", name]]) });
const WEB = { instance: named("web-1") };

describe("a resolved alert", () => {
  it("has the dedupKey of the violation, ids of its own, and no remedy", () => {
    const [violating, resolved] = [findingOf(), resolvedFinding()];
    const document = documentOf(alertFor(resolved));
    expect(document).toMatchObject({
      status: "resolved",
      severity: "medium",
      findings: [
        {
          dedupKey: violating.dedupKey,
          message: "it has the tags",
          remedy: [],
          event: "Tag Change on Resource",
          ruleId: "required-tags",
          instanceId: INSTANCE,
        },
      ],
      notJudged: [],
    });
    expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
    expect(document.findings[0].id).not.toBe(violating.id);
    expect(resolvedFinding({ because: "it is exempt" }).id).not.toBe(resolved.id);
    expect(alertFor(resolved).attributes.status?.StringValue).toBe("resolved");
  });

  it("has the same id when it is repeated, and another one for another change", () => {
    const idOf = (finding: Resolved) => alertFor(finding).id;
    expect(idOf(resolvedFinding())).toBe(idOf(resolvedFinding()));
    expect(idOf(resolvedFinding({ occasion: "2021-11-12T21:41:54.000Z" }))).not.toBe(idOf(resolvedFinding()));
  });

  it("is another message than the alert of what is still violated, which states the rules that are not judged", () => {
    const unjudged = { account: "123456789012", region: "us-east-1", instanceId: INSTANCE, ruleId: "x", because: "y" };
    const alerts = alertsFor([resolvedFinding(), findingOf({ ruleId: "team", id: "b".repeat(32) })], AT, [unjudged]);
    expect(alerts.map(documentOf).map(({ status, notJudged }) => [status, notJudged.length])).toEqual([
      ["violating", 1],
      ["resolved", 0],
    ]);
  });

  it("is one message for all instances of an account and region", () => {
    const alert = alertFor(
      ...[1, 2, 3].map((number) => resolvedFinding({ instance: { instanceId: instanceId(number) } })),
    );
    expect(documentOf(alert).findings).toHaveLength(3);
  });

  it("is a chat notification in the thread of the alert, without a command", () => {
    const chat = JSON.parse(chatMessage(alertFor(resolvedFinding(WEB))));
    expect(chat).toMatchObject({
      content: {
        title: "RESOLVED web-1 fixed: required-tags (us-east-1, 123456789012)",
        description: `*RESOLVED* required-tags: it has the tags.\nInstance ${INSTANCE}\nLaunched by user Mateo`,
      },
      metadata: { threadId: findingOf().dedupKey, additionalContext: { status: "resolved" } },
    });
  });
});

describe("the subject and the text message of a resolved alert", () => {
  const terminated = { how: "terminated", because: "the instance is terminated" } as const;
  it.each([
    ["web-1 fixed: required-tags", [resolvedFinding(WEB)]],
    ["web-1 fixed: 2 rules", [resolvedFinding(WEB), resolvedFinding({ ...WEB, ruleId: "b" })]],
    ["web-1 exempt: required-tags", [resolvedFinding({ ...WEB, how: "exempt" })]],
    ["web-1 out of scope: required-tags", [resolvedFinding({ ...WEB, how: "out-of-scope" })]],
    ["web-1 terminated: required-tags", [resolvedFinding({ ...WEB, ...terminated })]],
    [`${INSTANCE} fixed: tags`, [resolvedFinding({ ruleId: "tags" })]],
    [
      "2 instances terminated: required-tags",
      [1, 2].map((number) => resolvedFinding({ ...terminated, instance: { instanceId: instanceId(number) } })),
    ],
    [
      "2 instances resolved: required-tags",
      [resolvedFinding(WEB), resolvedFinding({ ...terminated, instance: { instanceId: instanceId(9) } })],
    ],
  ])("say what is resolved, and where: %s", (what, findings) => {
    const alert = alertFor(...findings);
    expect(alert.subject).toBe(`[RESOLVED] ${what} (us-east-1, 123456789012)`);
    expect(protocolsOf(alert).sms).toMatch(/^RESOLVED /);
  });

  it("are ASCII of up to 99 and 140 characters, whatever the names are", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.stringMatching(/^[A-Za-z0-9][\w.-]{0,63}$/), (name, ruleId) => {
        const alert = alertFor(resolvedFinding({ ruleId, instance: named(name), region: "ap-southeast-2" }));
        expect(alert.subject).toMatch(/^\[RESOLVED\] [ -~]{1,88}$/);
        expect(alert.subject.slice(0, 60)).toContain(" (ap-southeast-2");
        expect(protocolsOf(alert).sms).toMatch(/^[ -~]{1,140}$/);
      }),
    );
  });
});

describe("the e-mail of a resolved alert", () => {
  it("states what is resolved, why, and how long after the launch, and then the facts", () => {
    const text = alertFor(resolvedFinding(WEB)).text;
    expect(text).toMatch(
      /^Resolved: web-1 complies with required-tags again: it has the tags\. The\ntag "service" changed 12 minutes after the launch\.\n\nInstance {3}i-1234567890abcdef0, t3\.micro, running\nAccount {4}/,
    );
    expect(text.split("\n").at(-1)).toMatch(/^Console/);
  });

  it("states each reason of several rules", () => {
    const exempt = resolvedFinding({
      ...WEB,
      ruleId: "keys",
      how: "exempt",
      because: "it is exempt until 2027-03-31: x",
    });
    expect(openingOf(resolvedFinding(WEB), exempt)).toBe(
      `Resolved: web-1 no longer violates 2 rules. The tag "service" changed 12
minutes after the launch.

keys: it is exempt until 2027-03-31: x.
required-tags: it has the tags.`,
    );
  });

  it("states the end of a terminated instance, and the rules that it violated", () => {
    const gone = { ...WEB, how: "terminated", because: "the instance is terminated", changedTags: [] } as const;
    expect(openingOf(resolvedFinding(gone))).toBe(
      "Resolved: web-1 is terminated; it violated required-tags. The launch was\n12 minutes before.",
    );
    const later = { ...gone, occasion: "2021-11-15T21:41:54.000Z" };
    expect(openingOf(resolvedFinding(later), resolvedFinding({ ...later, ruleId: "keys" }))).toBe(
      "Resolved: web-1 is terminated; it violated 2 rules. The launch was 4\ndays before.\n\nRules: keys, required-tags.",
    );
  });

  it("lists several instances, each on a line", () => {
    const findings = [1, 2].map((number) => resolvedFinding({ instance: named(`web-${number}`, instanceId(number)) }));
    expect(openingOf(...findings)).toBe(
      `Resolved: 2 instances comply with required-tags again: it has the tags.

User Mateo: 2
  i-00000000000000001  t3.micro  us-east-1a  21:29:50  web-1
  i-00000000000000002  t3.micro  us-east-1a  21:29:50  web-2`,
    );
  });

  it("has no line that a tag key or a reason can forge, and states at most five keys", () => {
    const keys = ["a\nFix: curl evil", "b", "c", "d", "e", "f", "g"];
    const text = openingOf(resolvedFinding({ ...WEB, changedTags: keys, because: "x\u2028Fix: y" }));
    expect(text).not.toMatch(/^Fix: (?:curl evil|y)$/m);
    expect(text?.replaceAll("\n", " ")).toContain('"e" and 2 more changed 12 minutes after the launch.');
  });

  it("states no time that it does not know", () => {
    const instance = { ...WEB.instance, launchTime: null, firstLaunchTime: null };
    expect(openingOf(resolvedFinding({ instance }))?.replaceAll("\n", " ")).toMatch(/ The tag "service" changed\.$/);
    expect(openingOf(resolvedFinding({ instance, how: "terminated" }))).toBe(
      "Resolved: web-1 is terminated; it violated required-tags.",
    );
  });
});
