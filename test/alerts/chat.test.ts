import { describe, expect, it } from "vitest";
import { alertsFor } from "../../src/alerts/alert.ts";
import { chatMessage } from "../../src/alerts/chat.ts";
import { chatCode, chatLink, chatText } from "../../src/alerts/chat-text.ts";
import type { Finding } from "../../src/alerts/finding.ts";
import { AT, INSTANCE, instanceIds } from "../support/events.ts";
import { findingOf } from "../support/findings.ts";

function messageOf(...findings: readonly Finding[]) {
  const [alert] = alertsFor(findings, AT);
  if (alert === undefined) throw new Error("there is no alert");
  return JSON.parse(chatMessage(alert));
}

describe("a chat notification", () => {
  it("has Amazon Q Developer's schema, with the thread of the finding", () => {
    const finding = findingOf({ link: "https://wiki.example.com/tags_rule?a=1&b=2", severity: "critical" });
    const { description, ...content } = messageOf(finding).content;
    expect({ ...messageOf(finding), content }).toEqual({
      version: "1.0",
      source: "custom",
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      content: {
        textType: "client-markdown",
        title: "CRITICAL i-123456789... lacks tags name, ser... (us-east-1, 123456789012)",
        nextSteps: [
          "See https://wiki.example.com/tags%5Frule?a=1&amp;b=2",
          `Console: https://console.aws.amazon.com/ec2/home?region=us-east-1#InstanceDetails:instanceId=${INSTANCE}`,
        ],
        keywords: ["critical", "required-tags"],
      },
      metadata: {
        threadId: finding.dedupKey,
        summary: "CRITICAL i-123456789... lacks tags name, ser... (us-east-1, 123456789012)",
        eventType: "ec2-audit",
        relatedResources: [`arn:aws:ec2:us-east-1:123456789012:instance/${INSTANCE}`],
        additionalContext: {
          ...{ account: "123456789012", region: "us-east-1", severity: "critical", status: "violating" },
          alertId: messageOf(finding).id,
        },
      },
    });
    expect(description.split("\n")).toEqual([
      `Set the tags "Name" and "service" on ${INSTANCE}.`,
      '*CRITICAL* required-tags: the tags "name", "service" are missing.',
      "```",
      "aws ec2 create-tags --region us-east-1 \\",
      `  --resources ${INSTANCE} \\`,
      "  --tags Key=Name,Value=&lt;value&gt; Key=service,Value=&lt;value&gt;",
      "```",
      `Instance ${INSTANCE}`,
      "Launched by user Mateo",
    ]);
  });

  it("has one entry for a problem of many instances, and lists ten of them", () => {
    const findings = instanceIds(100).map((instanceId) => findingOf({ id: instanceId, instance: { instanceId } }));
    const { content, metadata } = messageOf(...findings);
    expect(content.title).toContain("MEDIUM 100 instances lack tags");
    expect(content.description).toContain("*MEDIUM* required-tags (100 instances): ");
    expect(content.description).toMatch(/100 instances: (?:i-\w+, ){9}i-\w+ and 90 more/);
    expect(content.description).toContain("The alert in other formats has the fix.");
    expect(metadata.relatedResources).toHaveLength(20);
  });

  it("stays within Slack's 3,000 characters, and has complete lines only", () => {
    const message = `${"<".repeat(290)} is wrong`;
    const findings = Array.from({ length: 9 }, (_, index) => {
      const finding = findingOf({ ruleId: `rule-${index}`, id: String(index) });
      return { ...finding, violation: { ...finding.violation, message } };
    });
    const { description } = messageOf(...findings).content;
    expect(description.length).toBeLessThanOrEqual(3_000);
    expect(description).not.toMatch(/&l?t?$/m);
  });

  it("shows a name with markdown, a mention or a link as text", () => {
    const Name = "<!channel> *x* @here https://evil.example";
    const { content, metadata } = messageOf(findingOf({ instance: { tags: new Map([["Name", Name]]) } }));
    for (const text of [content.title, metadata.summary]) {
      expect(text).toContain("&lt;!channel&gt; ∗x∗ ＠her");
      expect(text).not.toMatch(/[<>*@]|:\/\//);
    }
  });
});

describe("chatText", () => {
  it.each([
    ["plain text (a, b): 08:27:34", "plain text (a, b): 08꞉27:34"],
    ["web_admin-2", "web_admin-2"],
    ["_emphasis_ and __bold__", "ˍemphasisˍ and ˍˍboldˍˍ"],
    ["*a* ~b~ `c`", "∗a∗ ∼b∼ 'c'"],
    ["<@U1234> <!here> <https://x|y>", "&lt;＠U1234&gt; &lt;!here&gt; &lt;https꞉//x¦y&gt;"],
    ["[text](https://evil.example)", "(text)(https꞉//evil․example)"],
    ["#general :warning: www.evil.example", "＃general ꞉warning: www․evil․example"],
    ["mailto:a@evil.example", "mailto꞉a＠evil․example"],
    ["a & b", "a &amp; b"],
    ["&lt;", "&amp;lt;"],
    ["\\*a\\*", "⧵∗a⧵∗"],
    ["version 1.2.3", "version 1.2.3"],
  ])("returns %j without a meaning in markdown", (text, shown) => {
    expect(chatText(text)).toBe(shown);
  });
});

describe("chatCode and chatLink", () => {
  it("return code with entities, and no block for code that could end it", () => {
    expect(chatCode("aws --tags Key=a,Value=<value>")).toBe("```\naws --tags Key=a,Value=&lt;value&gt;\n```");
    expect(chatCode("a ``` b")).toBeNull();
  });

  it("returns a URL that stays one link", () => {
    expect(chatLink("https://wiki.example.com/a_b|c?x=<1>&y=*")).toBe(
      "https://wiki.example.com/a%5Fb%7Cc?x=%3C1%3E&amp;y=%2A",
    );
  });
});
