import { expect, it } from "vitest";
import { secretsFileText } from "../../../src/cli/webtask/secrets-file.ts";

// That wt-cli reads these lines back as what was meant is shown with wt-cli itself, in flows/deploy-webtask.test.ts.

it("quotes a value singly, so that wt-cli leaves what is in it alone", () => {
  expect(secretsFileText({ REQUIRED_TAGS: "a=b # c 'd' \"e\"", AUDIT_POLICY: '{"a": "\\n"}' })).toBe(
    `REQUIRED_TAGS='a=b # c 'd' "e"'\nAUDIT_POLICY='{"a": "\\n"}'\n`,
  );
});

it("writes line breaks out, in the double quotes where wt-cli reads them back", () => {
  expect(secretsFileText({ SNS_SIGNING_CERT: "-----BEGIN\r\nabc\n-----END\n" })).toBe(
    'SNS_SIGNING_CERT="-----BEGIN\\nabc\\n-----END"\n',
  );
});

it("keeps a leading dollar sign from being a variable", () => {
  expect(secretsFileText({ AWS_SECRET_ACCESS_KEY: "$HOME" })).toBe("AWS_SECRET_ACCESS_KEY='\\$HOME'\n");
});

it.each([
  ["a lone carriage return", "a\rb"],
  ["a line separator", "a\u2028b"],
  ["a leading \\$", "\\$a"],
  ["line breaks beside a written-out one", "a\nb\\nc"],
])("refuses %s, by the key's name and without the value", (_, value) => {
  const write = () => secretsFileText({ AUDIT_POLICY: value });
  expect(write).toThrow(/^AUDIT_POLICY holds/);
  expect(write).not.toThrow(value);
});
