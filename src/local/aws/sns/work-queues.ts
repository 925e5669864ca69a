/** A queue of work for each key. */
export interface WorkQueues<T> {
  add(key: string, item: T): void;
}

/**
 * Creates queues that process items in order, `width` at a time for each key. A waiting item has no promise, request or
 * connection. @param work must not reject
 */
export function createWorkQueues<T extends object>(width: number, work: (item: T) => Promise<void>): WorkQueues<T> {
  const queues = new Map<string, { running: number; readonly waiting: Set<T> }>();

  function next(key: string, queue: { running: number; readonly waiting: Set<T> }): void {
    for (const item of queue.waiting) {
      if (queue.running >= width) return;
      queue.waiting.delete(item);
      queue.running += 1;
      void work(item).finally(() => {
        queue.running -= 1;
        next(key, queue);
      });
    }
    if (queue.running === 0) queues.delete(key);
  }

  return {
    add: (key, item) => {
      const queue = queues.get(key) ?? { running: 0, waiting: new Set() };
      queues.set(key, queue);
      queue.waiting.add(item);
      next(key, queue);
    },
  };
}
