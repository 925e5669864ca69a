import { expect, test } from "vitest";
import { KEYS } from "../src/config.ts";
import wtConfig from "../wt.config.json" with { type: "json" };

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
