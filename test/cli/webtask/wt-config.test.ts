import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import schema from "../../../src/cli/webtask/wt.config.schema.json" with { type: "json" };
import { KEYS } from "../../../src/config.ts";
import wtConfig from "../../../wt.config.json" with { type: "json" };

test("wt.config.json names every secret that the function goes by, and those of 2016 as required", () => {
  expect(Object.keys(wtConfig.secrets).sort()).toEqual([...KEYS].sort());
  const required = Object.entries(wtConfig.secrets).filter(([, need]) => need === "required");
  expect(required.map(([key]) => key)).toEqual([
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "ALERT_TOPIC_ARN",
  ]);
});

test("wt.config.json is as its schema says, and names that schema for editors", () => {
  const ajv = new Ajv2020({ allErrors: true, strict: true });
  expect(ajv.validate(schema, wtConfig), ajv.errorsText()).toBe(true);
  expect(wtConfig.$schema).toBe("./src/cli/webtask/wt.config.schema.json");
});

test("the schema of wt.config.json knows exactly the keys of the configuration, each with what it is", () => {
  const { properties } = schema.properties.secrets;
  expect(Object.keys(properties).sort()).toEqual([...KEYS].sort());
  for (const [key, { description }] of Object.entries(properties)) expect(description, key).toMatch(/\.$/);
});
