import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import schema from "../../../src/cli/webtask/wt.config.schema.json" with { type: "json" };
import { KEYS } from "../../../src/config.ts";
import wtConfig from "../../../wt.config.json" with { type: "json" };

describe("wt.config.json", () => {
  it("lists every key of the configuration, and requires only those of the 2016 function", () => {
    expect(Object.keys(wtConfig.secrets).sort()).toEqual([...KEYS].sort());
    const required = Object.entries(wtConfig.secrets).filter(([, need]) => need === "required");
    expect(required.map(([key]) => key)).toEqual([
      "AWS_REGION",
      "AWS_ACCESS_KEY_ID",
      "AWS_SECRET_ACCESS_KEY",
      "ALERT_TOPIC_ARN",
    ]);
  });

  it("complies with its schema, and names the schema for editors", () => {
    const ajv = new Ajv2020({ allErrors: true, strict: true });
    expect(ajv.validate(schema, wtConfig), ajv.errorsText()).toBe(true);
    expect(wtConfig.$schema).toBe("./src/cli/webtask/wt.config.schema.json");
  });

  it("has a schema with exactly the keys of the configuration, each with a description", () => {
    const { properties } = schema.properties.secrets;
    expect(Object.keys(properties).sort()).toEqual([...KEYS].sort());
    for (const [key, { description }] of Object.entries(properties)) expect(description, key).toMatch(/\.$/);
  });
});
