import { makeSigner, type Signer } from "../support/sns.ts";

/** A configuration of the function, and the parts of it that a response could disclose. */
export interface Configuration {
  readonly settings: Readonly<Record<string, string>>;
  readonly launchTopic: string;
  readonly region: string;
  /** The tag that the policy requires. */
  readonly requiredTag: string;
  /** Every configured value, and the parts that identify it. */
  readonly values: readonly string[];
}

/**
 * Returns a configuration with every key set. Two configurations with different names, regions and accounts have no value
 * in common except the endpoint of AWS.
 */
export function configurationOf(name: string, region: string, account: string, endpoint: string): Configuration {
  const launchTopic = `arn:aws:sns:${region}:${account}:launches-of-${name}`;
  const requiredTag = `tag-of-${name}`;
  const settings = {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: `AKIAIOSFODNN7${name.toUpperCase()}`,
    AWS_SECRET_ACCESS_KEY: `wJalrXUtnFEMI/K7MDENG/bPxRfiCY${name}`,
    AWS_SESSION_TOKEN: `IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEUCIQ${name}`,
    AWS_ENDPOINT_URL: endpoint,
    ALERT_TOPIC_ARN: `arn:aws:sns:${region}:${account}:alerts-of-${name}`,
    LAUNCH_TOPIC_ARN: launchTopic,
    FUNCTION_URL: `http://function-of-${name}.example/audit`,
    AUDIT_POLICY: JSON.stringify({ rules: [{ rule: "required-tags", tags: [requiredTag], severity: "critical" }] }),
    GRACE_SECONDS: "2917",
    AUDIT_ROLE_NAME: `role-of-${name}`,
    LOG_LEVEL: "debug",
  };
  const parts = [account, `launches-of-${name}`, `alerts-of-${name}`, `function-of-${name}`, requiredTag, name];
  return {
    settings,
    launchTopic,
    region,
    requiredTag,
    values: [...Object.values(settings), ...parts, "required-tags"],
  };
}

/** Returns the configuration of a function that does not subscribe itself, and waits 45 s for tags. */
export function withoutFunctionUrl({ settings, ...rest }: Configuration): Configuration {
  const { FUNCTION_URL: _, ...others } = settings;
  return { ...rest, settings: { ...others, GRACE_SECONDS: "45" } };
}

/** The keys of SNS and of others. */
export interface Keys {
  readonly sns: Signer;
  readonly other: Signer;
  readonly expired: Signer;
  readonly notYet: Signer;
  readonly elliptic: Signer;
}

/** Returns the keys for tests at a time in milliseconds since 1970. */
export async function makeKeys(now: number): Promise<Keys> {
  const day = (offset: number) => new Date(now + offset * 86_400_000).toISOString();
  const [sns, other, expired, notYet, elliptic] = await Promise.all([
    makeSigner({ from: day(-365), to: day(365) }),
    makeSigner({ from: day(-365), to: day(365) }),
    makeSigner({ from: day(-365), to: day(-1) }),
    makeSigner({ from: day(1), to: day(365) }),
    makeSigner({ from: day(-365), to: day(365), keyType: "ec" }),
  ]);
  return { sns, other, expired, notYet, elliptic };
}
