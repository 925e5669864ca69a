/** The result when it comes within so many milliseconds, else the other one. What is still under way is left to itself. */
export async function within<T>(milliseconds: number, result: Promise<T>, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, milliseconds), otherwise);
  });
  try {
    return await Promise.race([result, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when so many milliseconds have passed. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
