import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect, it } from "vitest";
import alertSchema from "../../../src/alerts/alert.schema.json";
import { REPORT_SCHEMA } from "../../../src/cli/report/lines.ts";
import schema from "../../../src/cli/report/report.schema.json";
import { sampleLines } from "../../support/report.ts";

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, strictRequired: false, schemas: [alertSchema] });
addFormats.default(ajv);
const validate = ajv.compile(schema);

it("describes every line of a report, hostile texts included", () => {
  expect(schema.$id).toBe(REPORT_SCHEMA);
  for (const since of [false, true]) {
    for (const line of sampleLines({ findings: 200, since, hostile: "\u001b</script>|=1\n\u202e" })) {
      expect(validate(line), JSON.stringify([line, validate.errors])).toBe(true);
    }
  }
});

it("refuses a line with a field that no line has", () => {
  const [header, finding, ...rest] = sampleLines({ findings: 1 });
  for (const line of [header, finding, ...rest]) expect(validate({ ...line, more: 1 })).toBe(false);
  expect(validate({ ...finding, missing: ["owner"] })).toBe(true);
});
