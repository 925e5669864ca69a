import { CliError } from "../../cli-error.ts";
import { acceptedRules } from "./accepted-rules.ts";
import { findConfigRules } from "./config-rules.ts";
import { findCustodianPolicies } from "./custodian.ts";
import { readDocument } from "./document.ts";
import { type Imported, type ImportedRule, type Remarks, startRemarks } from "./imported.ts";
import { findTagPolicy, rulesOfTagPolicy } from "./tag-policy.ts";

const EXPECTED = `Expected is JSON or YAML with one of these:
- a tag policy of AWS Organizations: "tags", or the output of
  aws organizations describe-effective-policy --policy-type TAG_POLICY
- AWS Config rules: the output of aws configservice describe-config-rules, a
  conformance pack, a CloudFormation template, or the parameters of one rule
- Cloud Custodian policies: "policies", or a list of policies`;

/**
 * Returns the rules of a document, which is recognised by its content, and what of it is not in them. Takes the name of the file
 * and its text. Throws CliError for text that is neither JSON nor YAML, and for a document of another kind.
 */
export function importDocument(name: string, text: string): Imported {
  const reading = readDocument(text);
  if ("problem" in reading) throw new CliError(`${name} ${reading.problem}`, EXPECTED);
  const { value, lineOf } = reading.document;
  const remarks = startRemarks(lineOf);
  const rules = acceptedRules(rulesOf(name, value, remarks), remarks);
  return { rules, notImported: remarks.notImported, notes: remarks.notes };
}

function rulesOf(name: string, value: unknown, remarks: Remarks): ImportedRule[] {
  const tagPolicy = findTagPolicy(value);
  if (typeof tagPolicy === "string") {
    throw new CliError(`${name} is an Organizations policy of the type ${tagPolicy}, not a tag policy`, EXPECTED);
  }
  if (tagPolicy !== undefined) {
    const { tags, path, account } = tagPolicy;
    if (account !== undefined) {
      const why = `this is the policy of the account ${account}; to judge only its instances, add "when": {"account": "${account}"} to the rules`;
      remarks.note(path, "effective tag policy", why);
    }
    return rulesOfTagPolicy(tags, path, remarks);
  }
  const read = findConfigRules(value) ?? findCustodianPolicies(value);
  if (read !== undefined) return read(remarks);
  throw new CliError(`${name} has no policy that can be imported`, EXPECTED);
}
