import { counted, grouped } from "../../../../util/figures.ts";
import { setText } from "./dom.ts";
import { Findings } from "./findings.ts";
import { load } from "./load.ts";
import { showTable } from "./table.ts";

/** Replaces the table of the gravest findings by one of all findings. Where that fails, the first one stays, with the reason. */
async function start(): Promise<void> {
  const [data, tools, table] = ["data", "tools", "findings-table"].map((id) => document.getElementById(id));
  if (!data || !tools || !(table instanceof HTMLTableElement)) return;
  tools.hidden = false;
  try {
    const findings = new Findings(await load(data));
    const [held, all] = [findings.count, findings.packed.findings];
    showTable(findings, tools, table);
    const lead = document.getElementById("findings-lead");
    if (lead)
      setText(
        lead,
        all > held ? `The ${grouped(held)} gravest of ${counted(all, "finding")}.` : `All ${counted(all, "finding")}.`,
      );
    for (const link of document.querySelectorAll<HTMLAnchorElement>("a[data-query]")) {
      link.hash = `#findings?${link.dataset.query}`;
    }
    performance.mark("usable");
  } catch (error) {
    const rows = counted(table.tBodies[0]?.rows.length ?? 0, "finding");
    setText(
      tools,
      `This browser cannot unpack all findings (${error}). The table has the ${rows} that are the gravest.`,
    );
  }
}

void start();
