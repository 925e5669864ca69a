import { describe, expect, it } from "vitest";
import { secretsFileText } from "../../../src/cli/webtask/secrets-file.ts";

/** flows/deploy-webtask.test.ts tests that wt-cli itself reads the values back. */
describe("secretsFileText", () => {
  it("puts a value into single quotes, in which wt-cli changes nothing", () => {
    expect(secretsFileText({ REQUIRED_TAGS: "a=b # c 'd' \"e\"", AUDIT_POLICY: '{"a": "\\n"}' })).toBe(
      `REQUIRED_TAGS='a=b # c 'd' "e"'\nAUDIT_POLICY='{"a": "\\n"}'\n`,
    );
  });

  it("writes line breaks as \\n in double quotes, from which wt-cli reads them back", () => {
    expect(secretsFileText({ SNS_SIGNING_CERT: "-----BEGIN\r\nabc\n-----END\n" })).toBe(
      'SNS_SIGNING_CERT="-----BEGIN\\nabc\\n-----END"\n',
    );
  });

  it("escapes a leading dollar sign, which would name a variable", () => {
    expect(secretsFileText({ AWS_SECRET_ACCESS_KEY: "$HOME" })).toBe("AWS_SECRET_ACCESS_KEY='\\$HOME'\n");
  });

  it.each([
    ["a lone carriage return", "a\rb"],
    ["a line separator", "a\u2028b"],
    ["a leading \\$", "\\$a"],
    ["line breaks beside a literal \\n", "a\nb\\nc"],
  ])("refuses %s, with the key's name and without the value", (_, value) => {
    const write = () => secretsFileText({ AUDIT_POLICY: value });
    expect(write).toThrow(/^AUDIT_POLICY has/);
    expect(write).not.toThrow(value);
  });
});
