import { type Config, gatherSettings, type Problem, readConfig } from "../../src/config.ts";

/** The four secrets of the 2016 function. */
export const FOUR_SECRETS = {
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
  AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  ALERT_TOPIC_ARN: "arn:aws:sns:us-east-1:123456789012:ec2_audit_alert",
};

/** Returns the configuration of the four secrets and the given ones. Throws if they are invalid. */
export function configOf(more: Readonly<Record<string, unknown>> = {}, env: NodeJS.ProcessEnv = {}): Config {
  const reading = readConfig(gatherSettings({ ...FOUR_SECRETS, ...more }, env));
  if ("problems" in reading) throw new Error(JSON.stringify(reading.problems));
  return reading.config;
}

/** Returns the problems of the four secrets and the given ones. */
export function problemsOf(more: Readonly<Record<string, unknown>>, env: NodeJS.ProcessEnv = {}): readonly Problem[] {
  const reading = readConfig(gatherSettings({ ...FOUR_SECRETS, ...more }, env));
  return "problems" in reading ? reading.problems : [];
}
