// Server-sent events about titles, jobs and the inbox. An event only says what to look at again;
// whoever misses one (a sleeping phone, a restarted server) is told to look at everything.

const REOPEN_AFTER_MS = 5_000;

export interface Listener {
  /** Something about this title changed. */
  title?: (id: string) => void;
  /** A job moved or progressed. */
  job?: () => void;
  /** The inbox changed. */
  inbox?: () => void;
  /** Settings, folders or people changed. */
  settings?: () => void;
  /** Events may have been missed, or something changed that is not named. */
  missed: () => void;
}

/** Everybody on this page who wants to hear; they share one connection. */
const listeners = new Set<Listener>();
let source: EventSource | null = null;

/**
 * Listens until the page goes away. A hidden page hangs up: browsers keep only six connections to
 * a server, and a forgotten tab must not take one from the film.
 */
export function listen(listener: Listener): void {
  listeners.add(listener);
  if (listeners.size > 1) {
    return;
  }
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") {
      hangUp();
    } else {
      call();
      tell((each) => each.missed());
    }
  });
  window.addEventListener("pagehide", hangUp);
  // A page that comes back from the browser's memory has no connection any more.
  window.addEventListener("pageshow", call);
  call();
}

function tell(what: (listener: Listener) => void): void {
  listeners.forEach(what);
}

function hangUp(): void {
  source?.close();
  source = null;
}

function call(): void {
  if (document.visibilityState !== "hidden" && !source) {
    source = connect();
  }
}

/** The server does not want the stream just now: tries again later. */
function callLater(): void {
  hangUp();
  window.setTimeout(() => {
    call();
    tell((each) => each.missed());
  }, REOPEN_AFTER_MS);
}

function connect(): EventSource {
  const stream = new EventSource("/api/v1/events");
  let interrupted = false;
  stream.addEventListener("open", () => {
    if (interrupted) {
      interrupted = false;
      tell((each) => each.missed());
    }
  });
  stream.addEventListener("error", () => {
    interrupted = true;
    // The browser reconnects by itself unless the server refused outright.
    if (stream.readyState === EventSource.CLOSED) {
      callLater();
    }
  });
  stream.addEventListener("title", (event) => tell((each) => each.title?.(titleOf(event, "id"))));
  stream.addEventListener("job", (event) => {
    tell((each) => each.title?.(titleOf(event, "title")));
    tell((each) => each.job?.());
  });
  stream.addEventListener("inbox", () => tell((each) => each.inbox?.()));
  stream.addEventListener("settings", () => tell((each) => each.settings?.()));
  // Who may see some title changed, and those who may not are not told which.
  stream.addEventListener("library", () => tell((each) => each.missed()));
  stream.addEventListener("lagged", () => tell((each) => each.missed()));
  return stream;
}

function titleOf(event: MessageEvent<string>, field: "id" | "title"): string {
  return (JSON.parse(event.data) as Partial<Record<typeof field, string>>)[field] ?? "";
}

/**
 * Calls `work` soon after it was asked for, at most once in `pauseMs`, and never twice at a time.
 * The pause may depend on what `work` has found.
 */
export function throttled(
  pauseMs: number | (() => number),
  work: () => Promise<void>,
): () => void {
  let running = false;
  let again = false;
  const run = async (): Promise<void> => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      await work();
    } finally {
      const pause = typeof pauseMs === "number" ? pauseMs : pauseMs();
      window.setTimeout(() => {
        running = false;
        if (again) {
          again = false;
          void run();
        }
      }, pause);
    }
  };
  return () => void run();
}
