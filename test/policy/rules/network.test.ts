import { describe, expect, it } from "vitest";
import type { Facts } from "../../../src/facts/facts.ts";
import { readInstance } from "../../../src/facts/instances.ts";
import { evaluate } from "../../../src/policy/evaluate.ts";
import { parsePolicy, sayProblem } from "../../../src/policy/policy.ts";
import { AT, INSTANCE, REGION } from "../../support/events.ts";
import { factsOf } from "../../support/findings.ts";
import { policyOf, ruleOf, violationOf } from "../../support/policy.ts";

const VPC = "vpc-0a1b2c3d4e5f67890";

/** The facts of an instance as DescribeInstances returns it, in the default VPC of a region. */
const facts = (changes: Partial<Facts> = {}) =>
  factsOf({
    instance: readInstance(INSTANCE, {
      State: { Code: 16, Name: "running" },
      VpcId: VPC,
      SubnetId: "subnet-0a",
      Placement: { AvailabilityZone: "us-east-1a", Tenancy: "default" },
    }),
    defaultVpc: { value: VPC },
    ...changes,
  });
/** A terminated instance has no VPC and no subnet. */
const nowhere = () => readInstance(INSTANCE, { State: { Code: 48, Name: "terminated" } });

const network = (settings: object) => ruleOf({ rule: "network", ...settings });
const check = (settings: object, changes: Partial<Facts> = {}) => network(settings).check(facts(changes), AT);

describe("network", () => {
  it.each([
    [{ vpcs: [VPC] }, `its VPC is ${VPC}`],
    [{ subnets: ["subnet-0b", "subnet-0*"] }, "its subnet is subnet-0a"],
    [{ zones: "/us-east-1[ab]/" }, "its Availability Zone is us-east-1a"],
    [
      { vpcs: "*", subnets: "*", zones: "*" },
      `its VPC is ${VPC}, its subnet is subnet-0a and its Availability Zone is us-east-1a`,
    ],
    [{ defaultVpc: true }, "the default VPC is allowed"],
  ])("is met by an instance in an allowed place: %j", (settings, because) => {
    expect(check(settings)).toEqual({ kind: "compliant", because });
  });

  it.each([
    [{ vpcs: "vpc-1" }, `the VPC ${VPC} is not allowed`, "is in a wrong VPC", { vpc: [VPC] }],
    [
      { subnets: ["subnet-0A", "subnet"] },
      "the subnet subnet-0a is not allowed",
      "is in a wrong subnet",
      { subnet: ["subnet-0a"] },
    ],
    [
      { zones: "us-east-1?b" },
      "the Availability Zone us-east-1a is not allowed",
      "is in a wrong Availability Zone",
      { zone: ["us-east-1a"] },
    ],
    [{ defaultVpc: false }, `the VPC ${VPC} is the default VPC`, "is in the default VPC", { defaultVpc: [VPC] }],
    [
      { vpcs: "*", subnets: "a", zones: "b", defaultVpc: false },
      `the subnet subnet-0a is not allowed; the Availability Zone us-east-1a is not allowed; the VPC ${VPC} is the default VPC`,
      "is in the default VPC",
      { subnet: ["subnet-0a"], zone: ["us-east-1a"], defaultVpc: [VPC] },
    ],
  ])("is violated by an instance elsewhere: %j", (settings, message, summary, details) => {
    const violation = violationOf(network(settings), facts());
    expect(violation?.message).toBe(message);
    expect(violation?.summary(1)).toBe(summary);
    expect(violation?.summary(2)).toBe(summary.replace("is", "are"));
    expect(violation?.details).toEqual(details);
  });

  it("tells to launch the instance again", () => {
    expect(violationOf(network({ zones: "x" }), facts())?.remedy([INSTANCE], REGION)).toEqual([
      "An instance cannot be moved to another subnet. Launch a new",
      "instance in an allowed Availability Zone, then terminate the old",
      "one.",
    ]);
    expect(
      violationOf(network({ defaultVpc: false }), facts())
        ?.remedy([], REGION)
        .join(" "),
    ).toContain("Launch a new instance in a VPC other than the default one,");
  });

  it("is met by an instance outside the default VPC, and in a region without one", () => {
    expect(check({ defaultVpc: false }, { defaultVpc: { value: "vpc-1" } })).toEqual({
      kind: "compliant",
      because: `its VPC is ${VPC} (not the default VPC)`,
    });
    expect(check({ defaultVpc: false }, { defaultVpc: { value: null } }).kind).toBe("compliant");
  });

  it("needs the default VPC only if that is not allowed", () => {
    expect(network({ vpcs: "*" }).needs).toEqual(["instance"]);
    expect(network({ defaultVpc: true }).needs).toEqual(["instance"]);
    expect(network({ defaultVpc: false }).needs).toEqual(["instance", "defaultVpc"]);
  });

  it("is not judged without the default VPC, unless another place violates it", () => {
    const denied = { defaultVpc: { unknown: "the credentials do not allow ec2:DescribeVpcs", late: false } };
    expect(check({ defaultVpc: false }, denied)).toEqual({
      kind: "not-judged",
      because: "the credentials do not allow ec2:DescribeVpcs",
      late: false,
    });
    expect(check({ defaultVpc: false, zones: "x" }, denied)).toMatchObject({
      violation: { details: { zone: ["us-east-1a"] } },
    });
  });

  it.each([
    [{ vpcs: "*" }, "VPC"],
    [{ subnets: "*" }, "subnet"],
    [{ zones: "*" }, "Availability Zone"],
    [{ defaultVpc: false }, "VPC"],
  ])("is not judged for an instance that is nowhere: %j", (settings, place) => {
    const because = `EC2 does not show its ${place}`;
    expect(check(settings, { instance: nowhere() })).toEqual({ kind: "not-judged", because, late: true });
    expect(check(settings, { instance: nowhere(), defaultVpc: { value: null } }).kind).toBe("not-judged");
  });

  it("exempts an instance, and leaves out one that is out of scope", () => {
    const policy = policyOf({
      rules: [
        { rule: "network", defaultVpc: false },
        { rule: "network", id: "prod", defaultVpc: false, when: { tag: "env", in: "prod" } },
      ],
      exemptions: [{ rules: ["network"], when: { vpc: VPC }, reason: "moves in January", until: "2022-01-31" }],
    });
    expect(evaluate(facts(), policy, AT).map(({ kind }) => kind)).toEqual(["exempt", "out-of-scope"]);
  });

  it.each([
    [{}, ['rules[0] must have at least one of "vpcs", "subnets", "zones", "defaultVpc"']],
    [{ vpcs: [] }, ["rules[0].vpcs must be a list of 1 to 200 texts"]],
    [{ zones: "/(/" }, [expect.stringMatching(/^rules\[0\]\.zones /)]],
    [{ defaultVpc: "no" }, ["rules[0].defaultVpc must be true or false"]],
    [{ subnet: "a" }, ['rules[0] has an unknown key: did you mean "subnets"?', expect.any(String)]],
  ])("is refused for %j", (settings, problems) => {
    const reading = parsePolicy(JSON.stringify({ rules: [{ rule: "network", ...settings }] }));
    expect("problems" in reading ? reading.problems.map(sayProblem) : []).toEqual(problems);
  });

  it("says what it demands", () => {
    expect(network({ vpcs: "vpc-1", subnets: ["a", "b"], zones: "*a", defaultVpc: false }).demands()).toBe(
      'the VPC must be "vpc-1"; the subnet must be "a" or "b"; the Availability Zone must be "*a"; the VPC must not be the default VPC',
    );
  });
});
