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
  /** A file that is on its way in by upload changed its state. */
  upload?: () => void;
  /** Events may have been missed. */
  missed: () => void;
}

/**
 * Listens until the page goes away. A hidden page hangs up: browsers keep only six connections to
 * a server, and a forgotten tab must not take one from the film.
 */
export function listen(listener: Listener): void {
  let source: EventSource | null = null;
  const hangUp = (): void => {
    source?.close();
    source = null;
  };
  const call = (): void => {
    if (document.visibilityState === "hidden" || source) {
      return;
    }
    source = connect(listener, () => {
      hangUp();
      window.setTimeout(() => {
        call();
        listener.missed();
      }, REOPEN_AFTER_MS);
    });
  };
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") {
      hangUp();
    } else {
      call();
      listener.missed();
    }
  });
  window.addEventListener("pagehide", hangUp);
  call();
}

/** Opens the stream; `refused` is called when the server does not want it. */
function connect(listener: Listener, refused: () => void): EventSource {
  const source = new EventSource("/api/v1/events");
  let interrupted = false;
  source.addEventListener("open", () => {
    if (interrupted) {
      interrupted = false;
      listener.missed();
    }
  });
  source.addEventListener("error", () => {
    interrupted = true;
    // The browser reconnects by itself unless the server refused outright.
    if (source.readyState === EventSource.CLOSED) {
      refused();
    }
  });
  source.addEventListener("title", (event) => listener.title?.(titleOf(event, "id")));
  source.addEventListener("job", (event) => {
    listener.title?.(titleOf(event, "title"));
    listener.job?.();
  });
  source.addEventListener("inbox", () => listener.inbox?.());
  source.addEventListener("settings", () => listener.settings?.());
  source.addEventListener("upload", () => listener.upload?.());
  source.addEventListener("lagged", () => listener.missed());
  return source;
}

function titleOf(event: MessageEvent<string>, field: "id" | "title"): string {
  return (JSON.parse(event.data) as Partial<Record<typeof field, string>>)[field] ?? "";
}

/**
 * Calls `work` soon after it was asked for, at most once in `pauseMs`, and never twice at a time.
 */
export function throttled(pauseMs: number, work: () => Promise<void>): () => void {
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
      window.setTimeout(() => {
        running = false;
        if (again) {
          again = false;
          void run();
        }
      }, pauseMs);
    }
  };
  return () => void run();
}
