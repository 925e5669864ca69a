import type { Clock } from "../clock.ts";
import type { Message, Queue } from "./queue.ts";

/** Returns messages as soon as there are some; none when `waitMs` have passed. */
export async function longPoll(queue: Queue, take: () => Message[], waitMs: number, clock: Clock): Promise<Message[]> {
  let over = waitMs === 0;
  for (;;) {
    const messages = take();
    if (messages.length > 0 || over) return messages;
    await new Promise<void>((resolve) => {
      const wake = () => {
        cancelEnd();
        cancelNext();
        forget();
        resolve();
      };
      const now = clock.now();
      const speed = clock.speed ?? 1;
      const cancelEnd = clock.after(waitMs, () => {
        over = true;
        wake();
      });
      const next = queue.nextVisibleAt;
      const cancelNext = next === undefined ? () => {} : clock.after(Math.max(1, (next - now) * speed), wake);
      const forget = queue.onSend(wake);
    });
  }
}
