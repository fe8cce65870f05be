// What the player needs from whatever moves the bytes: Shaka over Media Source Extensions, or the
// browser itself (`native.ts`) where those do not exist.

/** One quality a person can choose. */
export interface Quality {
  /** The rung's number in segment names. */
  stream: number;
  width: number;
  height: number;
}

/** One audio track a person can choose. */
export interface Sound {
  key: string;
  label: string;
  active: boolean;
}

/** Subtitles a person can choose. */
export interface Words {
  key: string;
  label: string;
  active: boolean;
}

export interface Trouble {
  title: string;
  text: string;
}

export interface Events {
  /** Something that the menus show has changed. */
  changed: () => void;
  /** It began or ceased to wait for media. */
  waiting: () => void;
  /** Playing cannot go on without a person's decision. */
  failed: (trouble: Trouble) => void;
}

export interface Engine {
  /** Loads the title and stands at `seconds`. */
  load(seconds: number | null): Promise<void>;
  /** Tries again after trouble, at the same place. */
  retry(): Promise<void>;
  /** Playing stands still until more media arrives; the video element may not know. */
  isWaiting(): boolean;
  qualities(): Quality[];
  /** The chosen quality's stream, or `null` while the player chooses. */
  chosenQuality(): number | null;
  chooseQuality(stream: number | null): void;
  sounds(): Sound[];
  chooseSound(key: string): void;
  words(): Words[];
  /** Shows those subtitles, or none. */
  chooseWords(key: string | null): void;
}
