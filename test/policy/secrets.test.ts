import { describe, expect, it } from "vitest";
import { secretIn } from "../../src/policy/secrets.ts";

// Secrets are put together here, so that scanners of the repository find none.
const WEBHOOK = ["https://hooks.slack.com/services", "T0000AAAA", "B0000AAAA", "x".repeat(24)].join("/");
const JWT = ["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0NTY3ODkwIn0", "dozjgNryP4J3jVmNHl0w5N_XgL0"].join(".");

describe("secretIn", () => {
  it.each<readonly [string, string]>([
    ["an AWS access key id", "AKIAIOSFODNN7EXAMPLE"],
    ["an AWS access key id", "ASIAIOSFODNN7EXAMPLE"],
    ["an AWS access key id", "key=AKIAIOSFODNN7EXAMPLE;"],
    ["a private key", "-----BEGIN PRIVATE KEY-----"],
    ["a private key", "x -----BEGIN RSA PRIVATE KEY-----\nMIIE"],
    ["a private key", "-----BEGIN OPENSSH PRIVATE KEY-----"],
    ["a private key", "-----BEGIN PGP PRIVATE KEY BLOCK-----"],
    ...["ghp", "gho", "ghu", "ghs", "ghr"].map(
      (prefix) => ["a GitHub token", `${prefix}_${"aB3".repeat(12)}`] as const,
    ),
    ["a GitHub token", `github_pat_${"a".repeat(22)}_${"b".repeat(59)}`],
    ["a GitLab token", `glpat-${"aB-_".repeat(5)}`],
    ["a Slack token", ["xoxb", "123456789012", "1234567890123", "aBcDeFgHiJkL"].join("-")],
    ["a Slack token", ["xoxp", "1234567890", "1234567890", "1234567890", "a".repeat(32)].join("-")],
    ["a Slack webhook", WEBHOOK],
    ["a Stripe key", `sk_live_${"a1B2".repeat(6)}`],
    ["a Stripe key", `rk_live_${"a1B2".repeat(6)}`],
    ["a Google API key", `AIza${"aB3-_".repeat(7)}`],
    ["a JSON Web Token", JWT],
    ["a JSON Web Token", `Bearer ${JWT}`],
  ])("finds %s in %j", (kind, text) => {
    expect(secretIn(text)).toBe(kind);
  });

  it("finds tokens after punctuation, as in a setting of a program", () => {
    const tokens = [
      `ghp_${"aB3".repeat(12)}`,
      `github_pat_${"a".repeat(22)}_${"b".repeat(59)}`,
      `glpat-${"aB-_".repeat(5)}`,
      ["xoxb", "123456789012", "1234567890123", "aBcDeFgHiJkL"].join("-"),
      `sk_live_${"a1B2".repeat(6)}`,
      `AIza${"aB3-_".repeat(7)}`,
      JWT,
    ];
    expect(tokens.filter((token) => secretIn(`token=${token}`) === null)).toEqual([]);
    expect(tokens.filter((token) => secretIn(`x${token}`) !== null)).toEqual([]);
  });

  it.each([
    "",
    `github_pat_${"a".repeat(22)}_${"b".repeat(58)}`,
    "xoxb-123456789012-team",
    `https://hooks.slack.com/services/${"T0000AAAA"}/B0000AAAA/test`,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozj",
    "web-1",
    "AKIA",
    "AKIAIOSFODNN7EXAMPL",
    "AKIAIOSFODNN7EXAMPLES",
    "xAKIAIOSFODNN7EXAMPLE",
    "AKIAIOSFODNN8EXAMPLE",
    "akiaiosfodnn7example",
    "AIDAIOSFODNN7EXAMPLE",
    "-----BEGIN PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----",
    "ghp_team",
    `highp_${"a".repeat(36)}`,
    "glpat-team",
    "xoxo-hugs-and-kisses",
    "xoxb-team-alerts-channel",
    "https://hooks.slack.com/services",
    `sk_test_${"a".repeat(24)}`,
    "sk_live_environment",
    "AIzable",
    `AIza${"a".repeat(36)}`,
    "eyJhbGciOiJIUzI1NiJ9",
    "keyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "d41d8cd98f00b204e9800998ecf8427e",
    "550e8400-e29b-41d4-a716-446655440000",
    "arn:aws:iam::123456789012:role/AdministratorAccess",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  ])("finds none in %j", (text) => {
    expect(secretIn(text)).toBeNull();
  });
});
