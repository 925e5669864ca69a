import { progress } from "@clack/prompts";

/** Shows on stderr how far something is, from 0 to 1: a bar on a terminal, a line each tenth elsewhere. */
export function showProgress(name: string): (part: number) => void {
  let shown = 0;
  if (!process.stderr.isTTY) {
    return (part) => {
      if (Math.floor(part * 10) > shown) console.error(`${name}: ${Math.round(part * 100)} %`);
      shown = Math.floor(part * 10);
    };
  }
  const bar = progress({ max: 100, output: process.stderr });
  bar.start(name);
  return (part) => {
    const percent = Math.floor(part * 100);
    bar.advance(percent - shown, `${name}: ${percent} %`);
    shown = percent;
    if (part >= 1) bar.stop(`${name}: done`);
  };
}
