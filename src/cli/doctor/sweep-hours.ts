const DAY = 24;

/** The most that a sweep accepts, in hours: 31 days. */
const MAX_HOURS = 744;

const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/**
 * Returns the longest time between two sweeps, in whole hours; null for a schedule that is daily, and for one that cannot be told from
 * a daily one. Takes a schedule expression of EventBridge Scheduler.
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 */
export function hoursBetweenSweeps(expression: string): number | null {
  const [, count, unit] = /^rate\((\d+) (hour|day)s?\)$/.exec(expression) ?? [];
  const hours = count ? Number(count) * (unit === "day" ? DAY : 1) : hoursOfCron(expression);
  return hours === DAY ? null : Math.min(hours, MAX_HOURS);
}

function hoursOfCron(expression: string): number {
  const [, , dayOfMonth = "*", , dayOfWeek = "*"] = expression.toUpperCase().split(" ");
  if (/^(?:\d+W?|LW?)$/.test(dayOfMonth) || /#|.L$/.test(dayOfWeek)) return MAX_HOURS;
  const days = dayOfWeek.split(",").map(daysOf);
  if (days.some((each) => each.length === 0)) return DAY;
  const sorted = [...new Set(days.flat())].sort();
  const gaps = sorted.map((day, index) => (sorted[index + 1] ?? (sorted[0] ?? day) + 7) - day);
  return Math.max(...gaps) * DAY;
}

/** Returns the days of `MON`, `2`, `L` or `MON-FRI`, from 0 for Sunday; none for anything else. */
function daysOf(part: string): number[] {
  const [from = -1, to = from, ...rest] = part
    .replace(/^L$/, "SAT")
    .split("-")
    .map((day) => (/^[1-7]$/.test(day) ? Number(day) - 1 : DAYS.indexOf(day)));
  if (from < 0 || to < 0 || rest.length > 0) return [];
  return Array.from({ length: ((to - from + 7) % 7) + 1 }, (_, index) => (from + index) % 7);
}
