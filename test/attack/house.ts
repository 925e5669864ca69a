/** Who is attacked: two houses whose configurations have nothing in common, so that an answer can be held against both. */
import { makeSigner, type Signer } from "../support/sns.ts";

/** A configuration, and what of it an answer could give away. */
export interface House {
  readonly settings: Readonly<Record<string, string>>;
  readonly launchTopic: string;
  readonly region: string;
  /** Every configured value, and its telling parts. */
  readonly values: readonly string[];
}

/** A house with every key configured. Takes the endpoint of its AWS. */
export function houseOf(name: string, region: string, account: string, endpoint: string): House {
  const launchTopic = `arn:aws:sns:${region}:${account}:launches-of-${name}`;
  const settings = {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: `AKIAIOSFODNN7${name.toUpperCase()}`,
    AWS_SECRET_ACCESS_KEY: `wJalrXUtnFEMI/K7MDENG/bPxRfiCY${name}`,
    AWS_SESSION_TOKEN: `IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEUCIQ${name}`,
    AWS_ENDPOINT_URL: endpoint,
    ALERT_TOPIC_ARN: `arn:aws:sns:${region}:${account}:alerts-of-${name}`,
    LAUNCH_TOPIC_ARN: launchTopic,
    FUNCTION_URL: `http://function-of-${name}.example/audit`,
    AUDIT_POLICY: JSON.stringify({
      rules: [{ rule: "required-tags", tags: [`tag-of-${name}`], severity: "critical" }],
    }),
    GRACE_SECONDS: "2917",
    AUDIT_ROLE_NAME: `role-of-${name}`,
    LOG_LEVEL: "debug",
  };
  const parts = [account, `launches-of-${name}`, `alerts-of-${name}`, `function-of-${name}`, `tag-of-${name}`, name];
  return { settings, launchTopic, region, values: [...Object.values(settings), ...parts, "required-tags"] };
}

/** What the attacker meets: SNS's key and certificates, and keys of others. */
export interface Keys {
  readonly sns: Signer;
  readonly other: Signer;
  readonly expired: Signer;
  readonly notYet: Signer;
  readonly elliptic: Signer;
}

/** Signers around a time in milliseconds since 1970. */
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
