/** What things are called in AWS where the operator does not name them otherwise. */
export const NAMES = {
  launchTopic: "ec2_launches_check",
  alertTopic: "ec2_audit_alert",
  rule: "ec2_launches",
  /** Of messages that SNS or EventBridge could not deliver. */
  deadLetterQueue: "ec2_launches_check_dead",
  stack: "ec2-audit",
} as const;

/** The tag by which `teardown` knows what `setup` has made. */
export const MADE_BY = { key: "ec2-audit", value: "setup" } as const;

/** The tag of a topic that lists the subscriptions that `setup` made where it did not make the topic. */
export const SUBSCRIPTIONS_TAG = "ec2-audit:subscriptions";

/** The tag of a rule that `setup` switched on or off: the state that it had before. */
export const STATE_TAG = "ec2-audit:state";
