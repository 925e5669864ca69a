import { describe, expect, it } from "vitest";
import { alertsFor } from "../../../src/alerts/alert.ts";
import { chatMessage } from "../../../src/alerts/chat.ts";
import { ALERT, CHAT, CHAT_ATTRIBUTES, DIGEST, unmetIn } from "../../../src/cli/doctor/filter-policy.ts";
import { isObject } from "../../../src/util/json.ts";
import { AT } from "../../support/events.ts";
import { findingOf } from "../../support/findings.ts";

const judge = (policy: object, ...messages: Parameters<typeof unmetIn>[1]) => unmetIn(JSON.stringify(policy), messages);

describe("unmetIn", () => {
  it.each([
    [{ severity: ["HIGH"] }, '"severity"'],
    [{ status: ["violating"], severity: ["urgent", null] }, '"severity"'],
    [{ team: [{ prefix: "x" }] }, '"team"'],
    [{ team: [{ exists: true }] }, '"team"'],
    [{ team: [{ "anything-but": "x" }] }, '"team"'],
    [{ team: { name: ["x"] } }, '"team"'],
    [{ findings: { team: ["x"] } }, '"findings.team"'],
    [{ findings: { severity: ["urgent"] } }, '"findings.severity"'],
    [{ schema: ["urn:ec2-audit:digest:1"] }, '"schema"'],
    [{ $or: [{ account: ["1"] }, { region: ["x"] }], team: ["x"] }, '"team"'],
  ])("returns the field of %j that no alert has with such a value", (policy, field) => {
    expect(judge(policy, ALERT)).toBe(field);
  });

  it.each([
    {},
    { severity: ["high", "urgent"] },
    { severity: [{ prefix: "h" }], account: [{ suffix: "9" }] },
    { team: [{ exists: false }] },
    { team: { name: ["x", { exists: false }] } },
    { findings: { severity: ["critical"], tags: { team: ["payments"] }, notAllowed: ["p4d.24xlarge"] } },
    { notJudged: { ruleId: ["owner"] } },
    { $or: [{ team: ["x"] }, { severity: ["high"] }] },
  ])("returns null for %j, which an alert may match", (policy) => {
    expect(judge(policy, ALERT)).toBeNull();
  });

  it("returns null if a message of one kind may match, and otherwise a field of the first kind", () => {
    expect(judge({ schema: ["urn:ec2-audit:digest:1"] }, ALERT, DIGEST)).toBeNull();
    expect(judge({ worst: { severity: ["high"] } }, ALERT, DIGEST)).toBeNull();
    expect(judge({ status: ["violating"], hours: [24] }, ALERT, DIGEST)).toBe('"hours"');
  });

  it("judges the fields and the attributes of a chat notification", () => {
    expect(judge({ severity: ["high"] }, CHAT)).toBe('"severity"');
    expect(judge({ metadata: { additionalContext: { severity: ["high"] } } }, CHAT)).toBeNull();
    expect(judge({ metadata: { additionalContext: { severity: ["HIGH"] } } }, CHAT)).toBe(
      '"metadata.additionalContext.severity"',
    );
    expect(judge({ severity: ["high"], rules: ["owner"], status: ["resolved"] }, CHAT_ATTRIBUTES)).toBeNull();
    expect(judge({ severity: ["HIGH"] }, CHAT_ATTRIBUTES)).toBe('"severity"');
  });

  it("knows exactly the fields and the attributes that are sent to chat", () => {
    const paths = (value: unknown, path = ""): string[] =>
      isObject(value) && !(value instanceof Set)
        ? Object.entries(value).flatMap(([name, part]) => paths(part, `${path}.${name}`))
        : [path];
    const sent = alertsFor([findingOf()], AT).map((alert) => [
      paths(JSON.parse(chatMessage(alert))).sort(),
      Object.keys(alert.attributes).sort(),
    ]);
    expect(sent).toEqual([[paths(CHAT).sort(), Object.keys(CHAT_ATTRIBUTES).sort()]]);
  });
});
