// Writes the parts of the documentation and the JSON Schema that the code generates. Run it after a change of a rule kind.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { policySchema } from "../src/policy/policy.ts";
import { withKinds } from "./policy-docs.ts";

const PAGE = "docs/policy.md";
const SCHEMA = "src/policy/policy.schema.json";

writeFileSync(PAGE, withKinds(readFileSync(PAGE, "utf8")));
const format = ["node_modules/@biomejs/biome/bin/biome", "format", `--stdin-file-path=${SCHEMA}`];
writeFileSync(SCHEMA, execFileSync(process.execPath, format, { input: JSON.stringify(policySchema()) }));
