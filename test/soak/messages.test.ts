import { describe, expect, it } from "vitest";
import { tagChange } from "../support/events.ts";
import { findingsIn, instancesInEvent } from "./messages.ts";

const ID = "i-0123456789abcdef0";
const document = { status: "resolved", findings: [{ instanceId: ID, ruleId: "cost-center", dedupKey: "key" }] };
const found = { instanceId: ID, ruleId: "cost-center", status: "resolved", dedupKey: "key" };
const chat = (instances: number) => ({
  metadata: {
    relatedResources: Array.from({ length: instances }, () => `arn:aws:ec2:us-east-1:123456789012:instance/${ID}`),
    additionalContext: { status: "violating" },
  },
});

describe("the findings of a message", () => {
  it.each<[string, unknown, unknown]>([
    ["are those of the document", document, [found]],
    ["are those of the document among the texts", { default: JSON.stringify(document), sms: "" }, [found]],
    ["are the instances of a chat notification", chat(1), [{ ...found, status: "violating", dedupKey: null }]],
  ])("%s", (_, message, findings) => {
    expect(findingsIn(JSON.stringify(message))).toEqual(findings);
  });

  it("are the instances that another text names, each once", () => {
    expect(findingsIn(`${ID} and ${ID} lack tags`)).toMatchObject([{ instanceId: ID, status: "violating" }]);
  });

  it("are not read from a chat notification that may not name all instances", () => {
    expect(() => findingsIn(JSON.stringify(chat(20)))).toThrow("may not name all");
  });
});

describe("the instances of an event", () => {
  it("are those whose tags changed", () => {
    expect(instancesInEvent(JSON.stringify(tagChange({ id: ID })))).toEqual([ID]);
  });
});
