import { describe, expect, it } from "vitest";
import { html, linkTo, trusted } from "../../../../src/cli/report/page/html.ts";

describe("html", () => {
  it("escapes values in elements and in attributes", () => {
    const text = `<b a="1" b='2'>&amp;`;
    const escaped = "&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;amp;";
    expect(html`<p title="${text}">${text}</p>`.markup).toBe(`<p title="${escaped}">${escaped}</p>`);
  });

  it("leaves out null and false, and puts lists and markup in as they are", () => {
    const parts = [html`<i>${1}</i>`, "a < b", trusted("<br>")];
    expect(html`${null}${false}${parts}${0}`.markup).toBe("<i>1</i>a &lt; b<br>0");
  });

  it("replaces control characters and bidirectional marks by spaces", () => {
    expect(html`${"a\u0007b\u202ec\nd"}`.markup).toBe("a b c d");
  });
});

describe("linkTo", () => {
  it.each(["javascript:alert(1)", "data:text/html,x", "//example.com", "java\nscript:https://x", null])(
    "returns only the text for %j",
    (url) => {
      expect(linkTo(url, "a & b").markup).toBe("a &amp; b");
    },
  );

  it("links to web pages", () => {
    expect(linkTo('https://example.com/?a="b"', "c").markup).toBe(
      '<a href="https://example.com/?a=&quot;b&quot;" rel="noreferrer">c</a>',
    );
  });
});
