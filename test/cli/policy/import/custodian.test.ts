import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type { Imported, RuleDocument } from "../../../../src/cli/policy/import/imported.ts";
import { importDocument } from "../../../../src/cli/policy/import/recognise.ts";

/** Tests the import of Cloud Custodian policies: https://cloudcustodian.io/docs/filters.html */

/** Imports one policy for EC2 instances. Takes its filters in YAML, and its other settings. */
function importFilters(filters: string, settings: object = {}): Imported {
  const indented = filters.replaceAll(/^/gm, "    ");
  return importDocument(
    "c7n.yml",
    `policies:\n- ${stringify({ name: "p", resource: "ec2", ...settings })
      .trim()
      .replaceAll("\n", "\n  ")}\n  filters:\n${indented}\n`,
  );
}

/** Returns rules without what each has: the policy's name as id, keys with case, and the generated message. */
function short(rules: readonly RuleDocument[]): object[] {
  return rules.map(({ id: _, caseSensitive: __, message: ___, ...rule }) => rule);
}

describe("A filter on a tag", () => {
  it.each([
    ["- tag:K: absent", { rule: "required-tags", tags: [{ key: "K", allowBlank: true }] }],
    ["- tag:K: null", { rule: "required-tags", tags: [{ key: "K", allowBlank: true }] }],
    ["- tag:K: empty", { rule: "required-tags", tags: [{ key: "K" }] }],
    ["- {type: value, key: tag:K, value: absent}", { rule: "required-tags", tags: [{ key: "K", allowBlank: true }] }],
    ["- tag:K: present", { rule: "prohibited-tags", keys: ["K"] }],
    ["- 'tag:K*': present", { rule: "prohibited-tags", keys: ["K\\*"] }],
    ["- tag:K: not-null", { rule: "condition", require: { not: { tag: "K", in: "?*" } } }],
    ["- tag:K: v", { rule: "condition", require: { not: { tag: "K", in: "v" } } }],
    ["- tag:K: '*'", { rule: "condition", require: { not: { tag: "K", in: "\\*" } } }],
    ["- tag:K: ''", { rule: "condition", require: { not: { tag: "K", in: "" } } }],
    ["- {type: value, key: tag:K, op: ne, value: v}", { rule: "required-tags", tags: [{ key: "K", values: ["v"] }] }],
    [
      "- {type: value, key: tag:K, op: in, value: [a, b, a]}",
      { rule: "condition", require: { not: { tag: "K", in: ["a", "b"] } } },
    ],
    [
      "- {type: value, key: tag:K, op: not-in, value: [a, b]}",
      { rule: "required-tags", tags: [{ key: "K", values: ["a", "b"] }] },
    ],
    [
      "- {type: value, key: tag:K, op: ni, value: ['', a]}",
      { rule: "condition", require: { tag: "K", in: ["", "a"] } },
    ],
    [
      "- {type: value, key: tag:K, op: contains, value: /x*/}",
      { rule: "condition", require: { not: { tag: "K", in: "*\\/x\\*/*" } } },
    ],
    [
      "- {type: value, key: tag:K, op: ne, value: v, value_type: normalize}",
      { rule: "required-tags", tags: [{ key: "K", values: ["/\\s*v\\s*/i"] }] },
    ],
    ["- not: [{tag:K: v}]", { rule: "required-tags", tags: [{ key: "K", values: ["v"] }] }],
    [
      "- not: [{type: value, key: tag:K, op: regex, value: '^(a|b)$'}]",
      { rule: "required-tags", tags: [{ key: "K", values: ["/(a|b)/i"] }] },
    ],
    ["- {type: tag-count}", { rule: "tag-limit", max: 9 }],
    ["- {type: tag-count, count: 8, op: gt}", { rule: "tag-limit", max: 8 }],
    ["- tag-count", { rule: "tag-limit", max: 9 }],
  ])("becomes its negation: %s", (filters, rule) => {
    const { rules, notImported } = importFilters(filters);
    expect(short(rules)).toEqual([rule]);
    expect(notImported).toEqual([]);
  });

  it.each([
    ["{type: value, key: tag:K, op: gt, value: 5}", 'the operator "gt" has no counterpart'],
    ["{type: value, key: tag:K, value_type: age, op: gt, value: 5}", "value_type age has no counterpart"],
    ["{type: value, key: tag:K, op: in, value_from: {url: s3://b/k}}", "value_from has no counterpart"],
    ["{type: value, key: tag:K, value: v, value_regex: '(.*)'}", "value_regex has no counterpart"],
    ["{type: value, key: tag:K, value: v, tag_key_transforms: [lower]}", "tag_key_transforms has no counterpart"],
    ["{type: value, key: tag:K, op: in, value: text}", "the value must be a list"],
    ["{type: value, key: tag:K, op: in, value: []}", "the list is empty"],
    ["{type: value, key: tag:K, op: ni, value: [a, null]}", 'null in a list with "op: ni"'],
    ["{type: value, key: tag:K, value: [a]}", 'a list needs "op: in" or "op: not-in"'],
    ["{type: value, key: tag:K, op: ne, value: absent}", 'the opposite of "absent" is "present"'],
    ["{type: value, key: tag:K, op: regex, value: '^((?!c7n).)*$'}", "the pattern has an unsupported lookahead"],
    ["{type: value, key: tag:K, value: V, value_type: normalize}", 'no value equals "V" after value_type normalize'],
    ["{tag:K: yes}", "true is a boolean, and equals no value of an instance; in YAML 1.1"],
    ["{tag:K: 12}", "12 is a number, and equals no value"],
    ["{type: value, key: tag:K, op: ne, value: no}", "false is a boolean, and differs from every value"],
    ["{type: value, key: 'Tags[0].Key', value: v}", "is a property that no condition names"],
    ["{type: value, value: v}", 'it has no "key"'],
    ["{type: instance-age, days: 60}", 'the filter type "instance-age" has no counterpart'],
    [
      "{type: event, key: detail.awsRegion, op: not-in, value: [us-east-1]}",
      "filters on the event have no counterpart",
    ],
    ["{type: tag-count, op: lt, count: 3}", "only an upper limit of tags has a counterpart"],
    ["{or: {tag:K: absent}}", '"or" must have a list of filters'],
    ["7", "it must be an object"],
  ])("is listed with its line and the reason, if it has no counterpart: %s", (filter, why) => {
    const { rules, notImported } = importFilters(`- ${filter}`);
    expect(rules).toEqual([]);
    expect(notImported).toEqual([
      {
        path: "policies[0].filters[0]",
        line: 5,
        what: expect.stringContaining('policy "p", filter '),
        why: expect.stringContaining(why),
      },
    ]);
  });

  it("keeps the texts of a list, and notes the booleans in it", () => {
    const { rules, notes, notImported } = importFilters(
      "- {type: value, key: tag:K, op: not-in, value: [yes, 'no', maybe]}",
    );
    expect(short(rules)).toEqual([{ rule: "required-tags", tags: [{ key: "K", values: ["no", "maybe"] }] }]);
    expect(notes).toMatchObject([{ path: "policies[0].filters[0]", why: expect.stringContaining("an unquoted yes") }]);
    expect(notImported).toEqual([]);
  });

  it("notes a list of good values for which the operator is the wrong one", () => {
    const { rules, notes } = importFilters(
      "- or:\n  - tag:K: absent\n  - {type: value, key: tag:K, op: in, value: [a]}",
    );
    expect(short(rules)).toMatchObject([
      { rule: "required-tags" },
      { rule: "condition", require: { not: { tag: "K", in: "a" } } },
    ]);
    expect(notes).toMatchObject([
      { path: "policies[0].filters[0].or[1]", why: expect.stringContaining('"not-in" was meant') },
    ]);
  });
});

describe("The filters of a policy", () => {
  it.each([
    [
      "an or",
      "- or: [{tag:A: absent}, {tag:B: empty}]",
      [{ rule: "required-tags", tags: [{ key: "A", allowBlank: true }, { key: "B" }] }],
    ],
    [
      "an and",
      "- tag:A: empty\n- tag:B: empty",
      [{ rule: "required-tags", tags: [{ anyOf: [{ key: "A" }, { key: "B" }] }] }],
    ],
    [
      "a not of a list",
      "- not: [{tag:A: not-null}, {tag:B: not-null}]",
      [{ rule: "required-tags", tags: [{ key: "A" }, { key: "B" }] }],
    ],
    [
      "an absent or wrong value",
      "- or:\n  - tag:A: absent\n  - {type: value, key: tag:A, op: not-in, value: [x]}",
      [{ rule: "required-tags", tags: [{ key: "A", values: ["x"] }] }],
    ],
    [
      "a wrong value of a tag that is there",
      "- tag:A: present\n- {type: value, key: tag:A, op: not-in, value: [x]}",
      [{ rule: "required-tags", when: { tag: "A", present: true }, tags: [{ key: "A", values: ["x"] }] }],
    ],
    [
      "a missing tag of instances with another",
      "- tag:Env: prod\n- tag:A: absent",
      [{ rule: "required-tags", when: { tag: "Env", in: "prod" }, tags: [{ key: "A", allowBlank: true }] }],
    ],
    [
      "the state and a tag of AWS",
      "- State.Name: running\n- tag:aws:autoscaling:groupName: absent\n- tag:A: present",
      [
        {
          rule: "prohibited-tags",
          when: { all: [{ state: "running" }, { tag: "aws:autoscaling:groupName", present: false }] },
          keys: ["A"],
        },
      ],
    ],
    [
      "only a tag of AWS",
      "- State.Name: running\n- tag:aws:cloudformation:stack-name: absent",
      [
        {
          rule: "required-tags",
          when: { state: "running" },
          tags: [{ key: "aws:cloudformation:stack-name", allowBlank: true }],
        },
      ],
    ],
    [
      "several kinds",
      "- or: [{tag:A: absent}, {tag:B: present}, {InstanceType: p4d.24xlarge}, {KeyName: present}, {tag:C: v}]",
      [
        { rule: "required-tags", tags: [{ key: "A", allowBlank: true }] },
        { rule: "prohibited-tags", keys: ["B"] },
        { rule: "instance-type", forbidden: ["p4d.24xlarge"] },
        { rule: "key-pair", none: true },
        { rule: "condition", require: { not: { tag: "C", in: "v" } } },
      ],
    ],
    [
      "two properties together",
      "- tag:Env: dev\n- {type: value, key: InstanceType, op: glob, value: 'p4*'}",
      [{ rule: "condition", require: { any: [{ not: { tag: "Env", in: "dev" } }, { not: { instanceType: "p4*" } }] } }],
    ],
  ])("become rules with the opposite meaning: %s", (_, filters, rules) => {
    expect(short(importFilters(filters).rules)).toEqual(rules);
  });

  it.each([
    ["- {type: value, key: ImageId, op: not-in, value: [ami-1]}", { rule: "image", ids: ["ami-1"] }],
    [
      "- {type: image, key: Name, op: glob, value: 'old-*'}",
      { rule: "condition", require: { not: { imageName: "old-*" } } },
    ],
    ["- {type: image, key: OwnerId, op: not-in, value: ['123456789012']}", { rule: "image", owners: ["123456789012"] }],
    ["- {type: image-age, days: 90, op: ge}", { rule: "image", maxAgeDays: 90 }],
    ["- {type: image-metadata, key: State, value: deregistered}", { rule: "image", deregistered: false }],
    ["- {type: image-metadata, key: IsPublic, value: true}", { rule: "image", public: false }],
    ["- {type: ebs, key: Encrypted, value: false}", { rule: "encrypted-volumes" }],
    ["- default-vpc", { rule: "network", defaultVpc: false }],
    ["- {type: value, key: VpcId, op: not-in, value: [vpc-1]}", { rule: "network", vpcs: ["vpc-1"] }],
    ["- {type: subnet, key: SubnetId, op: not-in, value: [subnet-1]}", { rule: "network", subnets: ["subnet-1"] }],
    ["- {type: security-group, key: GroupName, value: default}", { rule: "security-groups", notAttached: ["default"] }],
    [
      "- {type: security-group, key: tag:Access, value: Public}",
      { rule: "security-groups", notAttached: [{ tag: "Access", in: ["Public"] }] },
    ],
    ["- PublicIpAddress: present", { rule: "public-ip" }],
    ["- MetadataOptions.HttpTokens: optional", { rule: "imdsv2" }],
    ["- IamInstanceProfile: absent", { rule: "instance-profile" }],
    ["- KeyName: absent", { rule: "key-pair", allowed: ["*"] }],
    ["- InstanceLifecycle: spot", { rule: "condition", require: { not: { lifecycle: "spot" } } }],
    ["- InstanceLifecycle: absent", { rule: "condition", require: { not: { lifecycle: "on-demand" } } }],
    ["- Platform: windows", { rule: "condition", require: { not: { platform: "/windows.*/i" } } }],
    ["- Tags: empty", { rule: "condition", require: { tag: "*", present: true } }],
  ])("use the rule kind that judges the property: %s", (filters, rule) => {
    const { rules, notImported } = importFilters(filters);
    expect(short(rules)).toEqual([rule]);
    expect(notImported).toEqual([]);
  });

  it("import without an alternative that has no counterpart, and list it", () => {
    const { rules, notImported } = importFilters("- or: [{tag:A: absent}, {type: instance-age, days: 60}]");
    expect(short(rules)).toEqual([{ rule: "required-tags", tags: [{ key: "A", allowBlank: true }] }]);
    expect(notImported).toMatchObject([
      { path: "policies[0].filters[0].or[1]", why: expect.stringMatching(/; the policy is imported without it$/) },
    ]);
  });

  it.each([
    ["with a filter that must match too", "- tag:A: absent\n- {type: instance-age, days: 60}"],
    ["with an alternative under not", "- not:\n  - or: [{tag:A: present}, {type: instance-age, days: 60}]"],
  ])("are not imported %s without a counterpart", (_, filters) => {
    const { rules, notImported } = importFilters(filters);
    expect(rules).toEqual([]);
    expect(notImported).toMatchObject([{ why: expect.stringMatching(/; the policy is not imported$/) }]);
  });

  it("import without a filter under not that has no counterpart: then fewer instances are reported", () => {
    const { rules } = importFilters("- not: [{tag:A: present}, {type: instance-age, days: 60}]");
    expect(short(rules)).toEqual([{ rule: "required-tags", tags: [{ key: "A", allowBlank: true }] }]);
  });

  it.each([
    ["only the state", "- State.Name: stopped", "by their state only"],
    ["only marks", "- {type: marked-for-op, op: stop}", "only about the tags of its own delayed actions"],
    [
      "a rule kind beside others",
      "- or:\n  - and: [{type: default-vpc}, {KeyName: present}]",
      "combine a property that only a rule kind judges",
    ],
    ["a rule kind under not", "- not: [{type: default-vpc}]", "combine a property that only a rule kind judges"],
  ])("are listed with %s", (_, filters, why) => {
    const { rules, notImported } = importFilters(filters);
    expect(rules).toEqual([]);
    expect(notImported).toMatchObject([{ path: "policies[0]", what: 'policy "p"', why: expect.stringContaining(why) }]);
  });

  it("note that each of several missing tags must be missing", () => {
    const { notes } = importFilters("- tag:A: absent\n- tag:B: absent");
    expect(notes).toMatchObject([
      { path: "policies[0]", why: expect.stringContaining('put the filters into an "or"') },
    ]);
  });

  it("that are too many for rules become a condition", () => {
    const groups = Array.from({ length: 6 }, (_, index) => `- or: [{tag:a${index}: absent}, {tag:b${index}: absent}]`);
    expect(short(importFilters(groups.join("\n")).rules)).toMatchObject([
      { rule: "condition", require: { not: { all: expect.any(Array) } } },
    ]);
  });
});

describe("A policy", () => {
  it.each([
    [[]],
    [["notify"]],
    [["terminate"]],
    [["stop"]],
    [[{ type: "mark-for-op", op: "stop", days: 4 }]],
    [
      [
        { type: "auto-tag-user", tag: "Owner" },
        { type: "notify", to: ["a@example.com"] },
      ],
    ],
  ])("is a check with the actions %j", (actions) => {
    expect(importFilters("- tag:A: absent", { actions }).rules).toHaveLength(1);
  });

  it.each([
    ["- tag:A: absent", ["start"]],
    ["- tag:A: absent", [{ type: "unmark", tags: ["A"] }, "notify"]],
    ["- tag:A: absent", [{ type: "tag", tags: { A: "x" } }]],
    ["- tag:A: absent", [{ type: "set-metadata-access", tokens: "required" }]],
    ["- tag:Night: 'off'", ["stop"]],
  ])("is listed, for a person to choose, with the filters %s and the actions %j", (filters, actions) => {
    const { rules, notImported } = importFilters(filters, { actions });
    expect(rules).toEqual([]);
    expect(notImported).toMatchObject([{ path: "policies[0]", what: 'policy "p"' }]);
  });

  it("is listed with the rule that it would be", () => {
    const { notImported } = importFilters("- tag:A: absent", { actions: [{ type: "auto-tag-user", tag: "A" }] });
    const rule = { rule: "required-tags", id: "p", caseSensitive: true, tags: [{ key: "A", allowBlank: true }] };
    expect(notImported).toMatchObject([
      { why: expect.stringContaining(`as a rule, it would be ${JSON.stringify(rule)}`) },
    ]);
  });

  it.each(["ec2", "aws.ec2"])("is imported for the resource %s", (resource) => {
    expect(importFilters("- tag:A: absent", { resource }).rules).toHaveLength(1);
  });

  it("has the region and the states of its query as scope", () => {
    const { rules } = importFilters("- tag:A: absent", {
      region: "eu-west-1",
      query: [{ "instance-state-name": "running" }],
    });
    expect(rules).toMatchObject([{ when: { all: [{ region: ["eu-west-1"] }, { state: ["running"] }] } }]);
  });

  it.each([{ conditions: [{ region: "us-east-1" }] }, { query: [{ "tag:A": "b" }] }, { start: "2026-01-01" }])(
    "is listed with a limit that has no counterpart: %j",
    (settings) => {
      const { rules, notImported } = importFilters("- tag:A: absent", settings);
      expect(rules).toEqual([]);
      expect(notImported).toMatchObject([
        { path: "policies[0]", why: expect.stringContaining(Object.keys(settings).join("")) },
      ]);
    },
  );

  it.each([
    ["tag:A: absent", "- tag:A: absent"],
    ["a tag named by another policy", "- tag:A: absent\n- tag:c7n_status: absent"],
  ])("adds no rule if another has the same demand: %s", (_, filters) => {
    const policies = ["one", "two"].map((name, index) => {
      const own = index === 0 ? "- tag:A: absent" : filters;
      return `- name: ${name}\n  resource: ec2\n  filters:\n${own.replaceAll(/^/gm, "  ")}\n  actions: [{type: mark-for-op, tag: c7n_status, op: stop}]\n`;
    });
    const { rules, notes } = importDocument("c7n.yml", `policies:\n${policies.join("")}`);
    expect(rules.map(({ id }) => id)).toEqual(["one"]);
    expect(notes).toMatchObject([{ path: "policies[1]", why: expect.stringContaining('policy "one"') }]);
  });

  it("names its description in the message of a condition, shortened", () => {
    const { rules } = importFilters("- tag:A: v", { description: `No\n  instance ${"x".repeat(200)}` });
    const message = rules[0]?.message;
    expect(message).toMatch(/^the instance matches the Cloud Custodian policy "p": No instance x+…$/);
    expect(message).toHaveLength(200);
  });

  it("is read alone, in a list without policies, and in JSON", () => {
    const policy = { name: "web policy", resource: "ec2", filters: [{ "tag:A": "absent" }] };
    for (const document of [policy, [policy], { policies: [policy] }]) {
      expect(importDocument("c7n.json", JSON.stringify(document)).rules).toMatchObject([{ id: "web-policy" }]);
    }
  });

  it("uses filters of vars by their alias, which are then not listed", () => {
    const text = "vars:\n  f: &f\n    - tag:A: absent\npolicies:\n  - {name: p, resource: ec2, filters: [or: *f]}\n";
    const { rules, notImported } = importDocument("c7n.yml", text);
    expect(short(rules)).toEqual([{ rule: "required-tags", tags: [{ key: "A", allowBlank: true }] }]);
    expect(notImported).toEqual([]);
  });
});
