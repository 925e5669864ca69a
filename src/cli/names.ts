/** The default names of the resources in AWS. */
export const NAMES = {
  launchTopic: "ec2_launches_check",
  alertTopic: "ec2_audit_alert",
  rule: "ec2_launches",
  /** For messages that SNS or EventBridge could not deliver. */
  deadLetterQueue: "ec2_launches_check_dead",
  stack: "ec2-audit",
} as const;

/** The tag of every resource that `setup` created. */
export const MADE_BY = { key: "ec2-audit", value: "setup" } as const;

/** The tag that lists the subscriptions that `setup` created, on a topic that it did not create. */
export const SUBSCRIPTIONS_TAG = "ec2-audit:subscriptions";

/** The tag with the former state of a rule that `setup` enabled or disabled. */
export const STATE_TAG = "ec2-audit:state";
