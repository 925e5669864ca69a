import { commandForEach } from "../remedies/commands.ts";
import { compliant, notJudged, ofInstance, ruleKind, violates } from "../rule.ts";
import { integer, optional } from "../settings.ts";
import { verb } from "../words.ts";

/** `imdsv2`: the instance metadata service must require session tokens.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html */
export const imdsv2 = ruleKind({
  name: "imdsv2",
  what: "The instance metadata service must require session tokens (IMDSv2), or be disabled.",
  why: "Without session tokens (IMDSv1), a web server that can be made to request a URL gives away the credentials of the instance's role.",
  settles: "soon",
  fields: {
    maxHops: optional(integer(1, 64), {
      about: "The maximum hop limit of the service's responses. A container needs 2.",
      demand: "the metadata hop limit must be at most {}",
    }),
  },
  example: {
    rule: { rule: "imdsv2", maxHops: 2 },
    fails: ["session tokens are optional", "the hop limit is 3"],
    passes: ["session tokens are required, and the hop limit is 1", "the metadata service is disabled"],
  },

  configure({ maxHops }) {
    return {
      needs: ["instance"],
      check: ofInstance(({ metadata }) => {
        const { tokens = null, endpoint = null, hopLimit = null } = metadata ?? {};
        if (endpoint === "disabled") return compliant("its metadata service is disabled");
        const allowsV1 = tokens !== null && tokens !== "required";
        const isTooFar = (hopLimit ?? 0) > (maxHops ?? Number.POSITIVE_INFINITY);
        const hops = `the metadata hop limit is ${hopLimit}`;
        if (!allowsV1 && !isTooFar) {
          if (tokens === null) return notJudged("EC2 does not report the metadata options");
          if (maxHops === undefined) return compliant("it requires IMDSv2");
          if (hopLimit === null) return notJudged("EC2 does not report the metadata hop limit");
          return compliant(`it requires IMDSv2, and ${hops}`);
        }
        return violates({
          message: [
            ...(allowsV1 ? ["the metadata service does not require session tokens (IMDSv2)"] : []),
            ...(isTooFar ? [`${hops}; at most ${maxHops} is allowed`] : []),
          ].join("; "),
          summary: (instances) =>
            allowsV1
              ? `${verb(instances, "allows", "allow")} IMDSv1`
              : `${verb(instances, "has", "have")} a hop limit over ${maxHops}`,
          action: (affected) => {
            const limit = isTooFar ? `a metadata hop limit of ${maxHops}` : "";
            return allowsV1
              ? `Require IMDSv2${limit && ` and ${limit}`} on ${affected}`
              : `Set ${limit} on ${affected}`;
          },
          remedy: (instanceIds, region) =>
            commandForEach(instanceIds, `aws ec2 modify-instance-metadata-options --region ${region}`, [
              ["--http-tokens", "required"],
              ...(isTooFar ? [["--http-put-response-hop-limit", String(maxHops)]] : []),
            ]),
          details: {
            httpTokens: allowsV1 ? [tokens] : [],
            httpPutResponseHopLimit: isTooFar ? [String(hopLimit)] : [],
          },
        });
      }),
    };
  },
});
