/** An account and a region. */
export interface Place {
  readonly account: string;
  readonly region: string;
}

/** The account and region of the function and its topics. */
export const HOME: Place = { account: "123456789012", region: "us-east-1" };
/** Another region, an account with the role to assume, and one without it. All forward their events to HOME. */
export const OTHER_REGION: Place = { account: HOME.account, region: "eu-west-1" };
export const MEMBER: Place = { account: "210987654321", region: "us-east-1" };
export const NO_ROLE: Place = { account: "333333333333", region: "us-east-1" };
