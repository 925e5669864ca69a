import { parseArn } from "./arns.ts";
import type { Authorization } from "./authorization.ts";
import { AwsError } from "./errors.ts";
import { type Params, structure, text, texts } from "./params.ts";
import type { QueryService, XmlFields } from "./service.ts";

/**
 * Returns IAM's policy simulator. Users and roles are not stored: every one exists.
 * https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
 */
export function createIam({ decide }: Pick<Authorization, "decide">): QueryService {
  function simulatePrincipalPolicy(params: Params): XmlFields {
    const source = text(params, "PolicySourceArn") ?? "";
    const parsed = parseArn(source);
    // The session of an assumed role is not a valid source: the simulator takes its role.
    if (parsed?.service !== "iam" || !/^(user|group|role)\/./.test(parsed.resource)) {
      throw new AwsError("InvalidInput", `Invalid Entity Arn: ${source} does not clearly define entity type and name.`);
    }
    const actions = texts(structure(params, "ActionNames"), "member");
    if (actions.length === 0) {
      throw new AwsError(
        "ValidationError",
        "1 validation error detected: Value null at 'actionNames' failed to satisfy constraint: Member must not be null",
      );
    }
    const malformed = actions.find((action) => !/^[\w-]+:[\w*]+$/.test(action));
    if (malformed !== undefined) throw new AwsError("InvalidInput", `Invalid Action: ${malformed}`);
    const asked = texts(structure(params, "ResourceArns"), "member");
    const resources = asked.length === 0 ? ["*"] : asked;
    return {
      IsTruncated: false,
      EvaluationResults: actions.flatMap((action) =>
        resources.map((resource) => ({
          EvalActionName: action,
          EvalResourceName: resource,
          EvalDecision: decide([source], action, resource),
          MatchedStatements: [],
          MissingContextValues: [],
        })),
      ),
    };
  }

  return {
    protocol: "query",
    namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
    actions: { SimulatePrincipalPolicy: simulatePrincipalPolicy },
  };
}
