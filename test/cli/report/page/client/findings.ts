import { gunzipSync } from "node:zlib";
import type { FindingLine } from "../../../../../src/cli/report/lines.ts";
import { Findings } from "../../../../../src/cli/report/page/client/findings.ts";
import { pageData } from "../../../../../src/cli/report/page/data.ts";
import { openSample } from "../../../../support/report-file.ts";

/** Returns the findings of a made-up report as the page's script has them, each changed before it is packed. */
export async function findingsOf(
  findings: number,
  change: (line: FindingLine, index: number) => FindingLine = (line) => line,
): Promise<Findings> {
  const report = await openSample({ findings });
  const data = pageData(report.header, report.sums);
  let index = 0;
  for await (const line of report.verdicts()) if (line.type === "finding") data.add(change(line, index++));
  const [, base64 = ""] = />([^<]*)</.exec(await data.element()) ?? [];
  return new Findings(JSON.parse(gunzipSync(Buffer.from(base64, "base64")).toString("utf8")));
}
