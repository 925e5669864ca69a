/** Work that waits in line, a line for each key. */
export interface Lines<T> {
  add(key: string, item: T): void;
}

/**
 * Lines that are worked off in order, `width` items of each at a time. What waits costs no more than itself: no promise, no
 * request, no connection. @param work must not reject
 */
export function createLines<T extends object>(width: number, work: (item: T) => Promise<void>): Lines<T> {
  const lines = new Map<string, { running: number; readonly waiting: Set<T> }>();

  function next(key: string, line: { running: number; readonly waiting: Set<T> }): void {
    for (const item of line.waiting) {
      if (line.running >= width) return;
      line.waiting.delete(item);
      line.running += 1;
      void work(item).finally(() => {
        line.running -= 1;
        next(key, line);
      });
    }
    if (line.running === 0) lines.delete(key);
  }

  return {
    add: (key, item) => {
      const line = lines.get(key) ?? { running: 0, waiting: new Set() };
      lines.set(key, line);
      line.waiting.add(item);
      next(key, line);
    },
  };
}
