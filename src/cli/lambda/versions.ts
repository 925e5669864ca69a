import {
  GetAliasCommand,
  ListVersionsByFunctionCommand,
  ResourceNotFoundException,
  UpdateAliasCommand,
} from "@aws-sdk/client-lambda";
import type { Aws } from "../aws.ts";
import { CliError } from "../cli-error.ts";
import { ifExists } from "../if-exists.ts";

/** The alias that the queue calls; deploy/template.yaml makes it. */
export const ALIAS = "live";

/** A published version of the function. */
export interface Version {
  readonly number: number;
  /** When it was published, as ISO 8601. */
  readonly made: string;
  readonly description: string;
}

/** What the alias calls. */
export interface Live {
  readonly number: number;
  /** The version that a canary gives a part of the calls to, and how large a part, from 0 to 1; null when there is none. */
  readonly canary: { readonly number: number; readonly weight: number } | null;
  /** Of the alias, so that a change by somebody else in between is not overwritten. */
  readonly revision: string | undefined;
}

/** The published versions, the newest first; undefined when there is no such function. */
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

/** What the alias calls now. @throws CliError when there is no alias */
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
      `the function ${name} has no alias ${ALIAS}, so that there is nothing to move back`,
      "A function that ec2-audit deploy lambda has made has one. Another is put back by uploading its file before.",
    );
  }
}

/** Has the alias call one version, and no other beside it. */
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
