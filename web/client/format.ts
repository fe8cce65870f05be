// Numbers as people read them; the same rules as `src/format.rs`.

/** `1:02:03` or `4:07`. */
export function clock(seconds: number): string {
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds)) : 0;
  const two = (value: number): string => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(whole % 60)}`
    : `${minutes}:${two(whole % 60)}`;
}

/** `4 minutes 7 seconds`, for screen readers. */
export function spoken(seconds: number): string {
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds)) : 0;
  const parts: [number, string][] = [
    [Math.floor(whole / 3600), "hour"],
    [Math.floor(whole / 60) % 60, "minute"],
    [whole % 60, "second"],
  ];
  const said = parts
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}${value === 1 ? "" : "s"}`);
  return said.join(" ") || "the beginning";
}

/** The clock time `seconds` from now, such as `19:40`. */
export function clockTimeIn(seconds: number): string {
  const at = new Date(Date.now() + seconds * 1000);
  return at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** `just now`, `5 min ago`, `3 h ago`, `yesterday`; `null` where a date says it better. */
export function ago(time: Date, now: Date): string | null {
  const minutes = Math.floor((now.getTime() - time.getTime()) / 60_000);
  if (minutes < 1) {
    return "just now";
  }
  if (minutes < 60) {
    return `${minutes} min ago`;
  }
  if (minutes < 24 * 60) {
    return `${Math.floor(minutes / 60)} h ago`;
  }
  return minutes < 48 * 60 ? "yesterday" : null;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** `1.4 GB`, in powers of ten as file managers and shops count. */
export function size(bytes: number): string {
  let [value, unit] = [Math.max(0, bytes), 0];
  while (value >= 999.5 && unit + 1 < UNITS.length) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(unit >= 2 && value < 9.95 ? 1 : 0)} ${UNITS[unit]}`;
}

/** `42 %`; never 100 before it is true. */
export function percent(part: number): string {
  return `${Math.floor(Math.min(1, Math.max(0, part)) * 100)} %`;
}

/** `about 3 min left`, `a few seconds left`. */
export function timeLeft(seconds: number): string {
  if (seconds < 8) {
    return "a few seconds left";
  }
  if (seconds < 55) {
    return `about ${Math.ceil(seconds / 5) * 5} s left`;
  }
  const minutes = Math.round(seconds / 60);
  return minutes < 60
    ? `about ${minutes} min left`
    : `about ${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min left`;
}

/** A count as the server tells it: counting ends at a thousand. */
export function counted(count: number): string {
  return count < 1_000 ? String(count) : "1,000+";
}
