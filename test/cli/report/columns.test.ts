import { describe, expect, it } from "vitest";
import { cutTo, tableOf, widthOf, wrapText } from "../../../src/cli/report/columns.ts";

describe("widthOf", () => {
  it.each([
    ["abc", 3],
    ["é", 1],
    ["e\u0301", 1],
    ["日本", 4],
    ["한글", 4],
    ["🚀", 2],
    ["ＡＢ", 4],
    ["…–✓", 3],
    ["", 0],
  ])("counts %j as %i columns", (text, columns) => {
    expect(widthOf(text)).toBe(columns);
  });
});

describe("cutTo", () => {
  it.each([
    ["prod-core", 9, "prod-core"],
    ["prod-core", 8, "prod-co…"],
    ["prod core", 6, "prod…"],
    ["日本語", 5, "日本…"],
    ["日本語", 4, "日…"],
    ["a\u200bb", 9, "a\\u200bb"],
    ["a\u001b[31m", 20, "a\\u001b[31m"],
  ])("cuts %j to %i columns", (text, columns, cut) => {
    expect(cutTo(text, columns)).toBe(cut);
  });
});

describe("wrapText", () => {
  it("breaks lines between words, and splits only a word that is longer than a line", () => {
    expect(wrapText("the tag owner is missing", 10)).toEqual(["the tag", "owner is", "missing"]);
    expect(wrapText("a arn:aws:iam::1 b", 6)).toEqual(["a", "arn:aw", "s:iam:", ":1 b"]);
    expect(wrapText("日本語の 名前", 6)).toEqual(["日本語", "の", "名前"]);
    expect(wrapText("", 6)).toEqual([""]);
  });
});

describe("tableOf", () => {
  const ROWS = [
    { rule: "closed-to-the-world", findings: "64", age: "3 days" },
    { rule: "imdsv2", findings: "1,560", age: "–" },
  ];
  const table = (columns: number) =>
    tableOf(
      ROWS,
      [
        { heading: "Rule", cell: ({ rule }) => rule },
        { heading: "Findings", cell: ({ findings }) => findings, isNumber: true, colour: (text) => `<${text}>` },
        { heading: "Age", cell: ({ age }) => age, isOptional: true },
      ],
      columns,
      (text) => text.toUpperCase(),
    );

  it("aligns the columns, and colours texts after that", () => {
    expect(table(80)).toEqual([
      "RULE                 FINDINGS  AGE",
      "closed-to-the-world        <64>  3 days",
      "imdsv2                  <1,560>  –",
    ]);
  });

  it("leaves out optional columns on a narrow terminal, and cuts the first column on a narrower one", () => {
    expect(table(36)).toEqual([
      "RULE                FINDINGS  AGE",
      "closed-to-the-wor…        <64>  3 days",
      "imdsv2                 <1,560>  –",
    ]);
    expect(table(34)).toEqual([
      "RULE                 FINDINGS",
      "closed-to-the-world        <64>",
      "imdsv2                  <1,560>",
    ]);
    expect(table(20)[1]).toBe("closed-to…        <64>");
  });
});
