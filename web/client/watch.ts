// The player page. Elements are defined inside out, so that the player finds a living seek bar.

import { Player } from "./player/player";
import { SeekBar } from "./player/seek";

customElements.define("homereel-seek", SeekBar);
customElements.define("homereel-player", Player);
