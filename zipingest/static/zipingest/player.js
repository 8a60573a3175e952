// The player of a recording (templates/library/player.html): waveform as a slider over an <audio>.
// Nothing is loaded before somebody presses play, because what is loaded counts as heard.

const STEPS = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageDown: -30, PageUp: 30 };
const TROUBLE = {
  401: "You are signed out. Sign in again to listen.",
  403: "You may not listen to this recording.",
  404: "There is no recording of this call any more.",
  410: "This recording is past the account's retention and is no longer given out.",
  429: "Too many requests. Wait a moment and press play again.",
  503: "The recording cannot be read at present. Try again in a moment.",
};
const UNKNOWN_TROUBLE = "The recording could not be loaded. Check your connection and press play again.";

function clock(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const padded = String(rest).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${padded}` : `${minutes}:${padded}`;
}

class Player {
  constructor(root) {
    this.part = (name) => root.querySelector(`[data-${name}]`);
    this.audio = this.part("audio");
    this.wave = this.part("wave");
    this.seconds = Number(root.dataset.seconds);
    this.wanted = null; // where to begin once it is loaded
    this.listen();
    this.show();
  }

  listen() {
    this.part("toggle").addEventListener("click", () => this.toggle());
    this.part("speed").addEventListener("change", (event) => this.setSpeed(Number(event.target.value)));
    this.wave.addEventListener("keydown", (event) => this.press(event));
    this.wave.addEventListener("pointerdown", (event) => this.drag(event));
    this.wave.addEventListener("pointermove", (event) => event.buttons && this.point(event));
    this.audio.addEventListener("loadedmetadata", () => this.loaded());
    this.audio.addEventListener("error", () => this.explain());
    for (const name of ["timeupdate", "seeked", "play", "pause", "ended"]) {
      this.audio.addEventListener(name, () => this.show());
    }
  }

  get position() {
    return this.wanted ?? this.audio.currentTime;
  }

  async toggle() {
    if (!this.audio.paused) return this.audio.pause();
    this.say("");
    if (this.audio.error) this.audio.load();
    for (const other of document.querySelectorAll("audio")) if (other !== this.audio) other.pause();
    try {
      await this.audio.play();
    } catch {
      this.show(); // not allowed without a click, or nothing to play: the error event says why
    }
  }

  setSpeed(speed) {
    this.audio.playbackRate = this.audio.defaultPlaybackRate = speed;
  }

  seek(seconds) {
    const to = Math.min(Math.max(seconds, 0), this.seconds);
    if (this.audio.readyState > 0) this.audio.currentTime = to;
    else this.wanted = to;
    this.show();
  }

  loaded() {
    if (Number.isFinite(this.audio.duration)) this.seconds = this.audio.duration;
    if (this.wanted !== null) this.audio.currentTime = this.wanted;
    this.wanted = null;
  }

  press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === " ") this.toggle();
    else if (event.key === "Home") this.seek(0);
    else if (event.key === "End") this.seek(this.seconds);
    else if (event.key in STEPS) this.seek(this.position + STEPS[event.key]);
    else return;
    event.preventDefault();
  }

  drag(event) {
    if (event.button !== 0) return;
    this.wave.setPointerCapture(event.pointerId);
    this.point(event);
  }

  point(event) {
    const room = this.wave.getBoundingClientRect();
    this.seek(((event.clientX - room.left) / room.width) * this.seconds);
  }

  show() {
    const [now, playing] = [this.position, !this.audio.paused && !this.audio.ended];
    const share = this.seconds ? Math.min(100, (100 * now) / this.seconds) : 0;
    this.part("needle").setAttribute("x", `${share}%`);
    this.part("ahead").setAttribute("x", `${share}%`);
    this.part("ahead").setAttribute("width", `${100 - share}%`);
    this.part("now").textContent = clock(now);
    this.wave.setAttribute("aria-valuenow", Math.floor(now));
    this.wave.setAttribute("aria-valuetext", `${clock(now)} of ${clock(this.seconds)}`);
    this.part("toggle").setAttribute("aria-label", playing ? "Pause" : "Play");
    this.part("when-playing").hidden = !playing;
    this.part("when-still").hidden = playing;
  }

  async explain() {
    // An <audio> does not tell which status it was answered; a HEAD does, and counts as nothing.
    const answer = await fetch(this.audio.src, { method: "HEAD" }).catch(() => null);
    this.say(TROUBLE[answer?.status] ?? UNKNOWN_TROUBLE);
    this.show();
  }

  say(words) {
    this.part("trouble").textContent = words;
    this.part("trouble").hidden = !words;
  }
}

const mounted = new WeakSet();

function mount(root) {
  for (const element of root.querySelectorAll("[data-player]")) {
    if (mounted.has(element)) continue;
    mounted.add(element);
    const player = new Player(element);
    if (element.closest("[data-dock]")) player.toggle();
  }
}

mount(document);
document.addEventListener("htmx:load", (event) => mount(event.detail.elt.parentElement ?? document));
