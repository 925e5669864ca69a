import type { Subscription } from "@aws-sdk/client-sns";
import { flagsFrom, type NameOptions } from "../flags.ts";
import { NAMES } from "../names.ts";
import { shownUrl } from "../shown-url.ts";
import type { SetupPlan } from "./plan.ts";
import { isConfirmed } from "./subscriptions.ts";

/** Returns the next steps after setup, which depend on the subscriptions of the launch topic. Commands repeat `options`. */
export function nextSteps(plan: SetupPlan, options: NameOptions, subscribed: readonly Subscription[]): string {
  const flags = flagsFrom(options);
  if (plan.url !== null) return `Next: ec2-audit doctor${flags}`;
  const urls = subscribed.filter(({ Protocol = "" }) => Protocol.startsWith("http"));
  const called = shown(urls.filter(isConfirmed));
  if (called !== "") {
    return `SNS calls ${called} at every launch. To check the installation: ec2-audit doctor${flags}`;
  }
  const waiting = urls.map(({ Endpoint = "" }) => Endpoint);
  if (waiting.length > 0) {
    return `Next: ${shown(urls)} has not confirmed its subscription. To request the confirmation again:
  ec2-audit setup${flags} --url ${shownUrl(waiting[0] ?? "")}`;
  }
  // SNS does not show whether a queue or a function belongs to the template or is, for example, an archive.
  const others = shown(subscribed.filter(isConfirmed));
  const maybe =
    others && `${others} receives the launches. If ec2-audit deploy lambda created it, nothing is left to do.\n\n`;
  return maybe + fromNothing(plan, options);
}

function shown(subscriptions: readonly Subscription[]): string {
  return subscriptions.map(({ Endpoint = "" }) => shownUrl(Endpoint)).join(", ");
}

function fromNothing(plan: SetupPlan, options: NameOptions): string {
  const flags = flagsFrom(options);
  const { profile: named, region } = options;
  const profile = flagsFrom({ ...(named && { profile: named }) });
  const given = profile + flagsFrom({ ...(region && { region }) });
  const launchTopic = plan.names.launchTopic === NAMES.launchTopic ? "" : `\n  LAUNCH_TOPIC_ARN=${plan.launchTopicArn}`;
  const sendsEnds = plan.rules.some(({ kind, requested }) => kind === "terminations" && requested);
  const resolved = sendsEnds ? "To publish an alert also when a violation ends: RESOLVED_ALERTS=on\n" : "";
  return `The function's settings, for .env:
  AWS_REGION=${plan.region}
  ALERT_TOPIC_ARN=${plan.alertTopicArn}${launchTopic}
${resolved}
Next, on webtask:
  1. Create a user that has only the permissions of the function, and put its access key into .env:
     ec2-audit setup${flags} --show-policy > policy.json
     aws iam create-user${profile} --user-name ec2-audit
     aws iam put-user-policy${profile} --user-name ec2-audit --policy-name ec2-audit --policy-document file://policy.json
     aws iam create-access-key${profile} --user-name ec2-audit
  2. ec2-audit deploy webtask
  3. ec2-audit setup${flags} --url <the URL it prints>
Or on AWS Lambda, which needs no setup:
  1. ec2-audit teardown${flags}
  2. ec2-audit deploy lambda${given}`;
}
