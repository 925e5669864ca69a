import {
  GetAliasCommand,
  ListVersionsByFunctionCommand,
  ResourceNotFoundException,
  UpdateAliasCommand,
} from "@aws-sdk/client-lambda";
import type { Aws } from "../aws.ts";
import { CliError } from "../cli-error.ts";
import { ifExists } from "../if-exists.ts";

/** The alias that the queue calls; deploy/template.yaml creates it. */
export const ALIAS = "live";

/** A published version of the function. */
export interface Version {
  readonly number: number;
  /** Time of publication, as ISO 8601. */
  readonly made: string;
  readonly description: string;
}

/** Returns the versions that the alias calls. */
export interface Live {
  readonly number: number;
  /** The canary version and its share of the calls, from 0 to 1; null without a canary. */
  readonly canary: { readonly number: number; readonly weight: number } | null;
  /** Revision of the alias. With it, an update does not overwrite a concurrent change. */
  readonly revision: string | undefined;
}

/** Returns the published versions, newest first; undefined when the function does not exist. */
export async function listVersions({ lambda }: Aws, name: string): Promise<readonly Version[] | undefined> {
  const versions: Version[] = [];
  let Marker: string | undefined;
  do {
    const page = await ifExists(
      lambda.send(new ListVersionsByFunctionCommand({ FunctionName: name, ...(Marker && { Marker }) })),
    );
    if (page === undefined) return undefined;
    for (const { Version: text = "", LastModified = "", Description = "" } of page.Versions ?? []) {
      if (/^\d+$/.test(text)) versions.push({ number: Number(text), made: LastModified, description: Description });
    }
    Marker = page.NextMarker;
  } while (Marker);
  return versions.sort((one, other) => other.number - one.number);
}

/** Returns the versions that the alias calls now. Throws CliError when the alias does not exist. */
export async function readLive({ lambda }: Aws, name: string): Promise<Live> {
  try {
    const alias = await lambda.send(new GetAliasCommand({ FunctionName: name, Name: ALIAS }));
    const [weighted] = Object.entries(alias.RoutingConfig?.AdditionalVersionWeights ?? {});
    return {
      number: Number(alias.FunctionVersion),
      canary: weighted ? { number: Number(weighted[0]), weight: weighted[1] } : null,
      revision: alias.RevisionId,
    };
  } catch (error) {
    if (!(error instanceof ResourceNotFoundException)) throw error;
    throw new CliError(
      `the function ${name} has no alias ${ALIAS}, so there is nothing to roll back`,
      "ec2-audit deploy lambda creates the alias. To roll back another function, upload its previous file.",
    );
  }
}

/** Makes the alias call one version, without a canary. */
export async function moveLive({ lambda }: Aws, name: string, to: number, revision: string | undefined): Promise<void> {
  await lambda.send(
    new UpdateAliasCommand({
      FunctionName: name,
      Name: ALIAS,
      FunctionVersion: String(to),
      RoutingConfig: { AdditionalVersionWeights: {} },
      ...(revision && { RevisionId: revision }),
    }),
  );
}
