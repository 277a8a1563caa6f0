// The player page: plays the stream that the page's path names, as close to live as the line allows.
//
//   Player   the story: connect, play, wait, try again; the <video> element says whether it is to play
//   Page     what a person sees and does: buttons, keys, words, figures
//
// Pausing closes the line: it costs nothing then, and playing on is live by itself.

import { codecsOf, Edge, Feed, NativeLine, SocketLine, Source, unplayable } from "./media.js";

/** @typedef {"connecting" | "playing" | "waiting" | "error"} State */
/** @typedef {{ state: State, message: string, action: string, retryAt: number }} News */

const STANDSTILL_MS = 10_000; // no live stream is quiet for so long, and no buffer fills for so long
const RETRY_MS = 500; // doubled each time, with jitter, so that viewers do not all come back at once
const MAX_RETRY_MS = 10_000;
const TICK_MS = 200;
const BITRATE_TICKS = 20;
const SHOW_WAIT_MS = 500; // shorter waits go by without words
const IDLE_MS = 3000;

const HLS_TYPE = "application/vnd.apple.mpegurl";
const PAGE_PREFIX = "/play/";

/** Why a line ended. @type {Record<string, string>} */
const REASONS = {
  offline: "This stream is not live. It will play here as soon as it is.",
  over: "The stream has ended. It will play here when it is back.",
  full: "The server has as many viewers as it can take.",
  refused: "The server does not let you watch this stream.",
  lost: "The connection was lost.",
  silent: "The stream has stopped arriving.",
  behind: "This device is too slow for the stream.",
  broken: "The picture could not be decoded.",
};

class Player {
  /** @type {News} */ news = { state: "connecting", message: "", action: "", retryAt: 0 };
  mutedByBrowser = false;
  reconnects = 0;
  codecs = "";
  tracks = "";
  #bytes = 0;
  /** @type {[number, number][]} */ #meter = [];
  /** @type {import("./media.js").Line | null} */ #line = null;
  #retries = 0;
  #timer = 0;
  #resume = false;
  #heard = false; // whether this line has brought a stream; a server may hold it until there is one
  #shown = 0; // of the media, at the last tick
  #movedAt = 0;

  /** @param {HTMLVideoElement} video @param {string} name @param {() => void} tell */
  constructor(video, name, tell) {
    this.video = video;
    this.name = name;
    this.tell = tell;
    this.edge = new Edge(video);
    this.feed = new Feed(video, () => this.#begun(), (reason) => this.ended(this.#line, reason));
    video.addEventListener("playing", () => this.#plays());
    video.addEventListener("waiting", () => this.#waits());
    video.addEventListener("pause", () => this.#pauses());
    video.addEventListener("play", () => this.#line || this.#timer || this.connect());
    video.addEventListener("error", () => this.#breaks());
    document.addEventListener("visibilitychange", () => this.#comesBack());
    window.addEventListener("online", () => this.#timer && this.connect());
  }

  connect() {
    this.#stop();
    if (!Source && !this.video.canPlayType(HLS_TYPE)) {
      this.#say("error", "This browser can play neither Media Source Extensions nor HLS.");
      return;
    }
    if (!this.#retries) this.#say("connecting", "Connecting …");
    else this.#say(this.news.state, this.news.message);
    this.#heard = false;
    this.#line = Source ? new SocketLine(this) : new NativeLine(this);
  }

  /** @param {string} mime @param {string[]} tracks */
  begin(mime, tracks) {
    this.#heard = true;
    this.codecs = codecsOf(mime).join(", ");
    this.tracks = tracks.join(" ");
    const missing = unplayable(mime);
    if (!missing) return this.feed.begin(mime, tracks);
    this.#stop();
    this.#say("error", `This browser cannot play ${missing}.`, "Try again");
  }

  /** @param {Uint8Array} bytes */
  take(bytes) {
    this.#bytes += bytes.length;
    this.feed.append(bytes);
  }

  /** @param {import("./media.js").Line | null} line @param {string} reason */
  ended(line, reason) {
    if (!line || line !== this.#line) return;
    this.#stop();
    if (reason === "refused") return this.#say("error", REASONS[reason], "Try again");
    const delay = Math.min(RETRY_MS * 2 ** this.#retries++, MAX_RETRY_MS) * (0.5 + Math.random() / 2);
    this.#timer = window.setTimeout(() => this.connect(), delay);
    this.reconnects += 1;
    this.#say("waiting", REASONS[reason], "", performance.now() + delay);
  }

  async play() {
    try {
      await this.video.play();
    } catch (error) {
      if (/** @type {Error} */ (error).name === "NotAllowedError") await this.#playAsAllowed();
    }
  }

  /** Also where there is nothing yet that plays. */
  pause() {
    if (this.video.paused) this.#pauses();
    else this.video.pause();
  }

  tick() {
    const now = performance.now();
    this.#meter.push([now, this.#bytes]);
    if (this.#meter.length > BITRATE_TICKS) this.#meter.shift();
    if (Source) this.edge.tick(now);
    this.#watch(now);
  }

  /** What the panel shows and tests read: numbers, with their units in the names. */
  stats() {
    const { video, edge, news } = this;
    const { totalVideoFrames: frames, droppedVideoFrames: dropped } = video.getVideoPlaybackQuality();
    const [[from, before], [to, after]] = [this.#meter[0] ?? [0, 0], this.#meter.at(-1) ?? [0, 0]];
    const captured = news.state === "playing" ? (this.#line?.capturedAt_s ?? null) : null;
    return {
      state: news.state, message: news.message, currentTime: video.currentTime, latency_s: edge.behind_s,
      capture_latency_s: captured === null ? null : Date.now() / 1000 - captured - video.currentTime,
      target_s: edge.target_s, rate: video.playbackRate, frames, dropped, stalls: edge.stalls,
      reconnects: this.reconnects, bitrate_bps: to > from ? ((after - before) * 8000) / (to - from) : 0,
      width: video.videoWidth, height: video.videoHeight, codecs: this.codecs,
    };
  }

  /** @param {State} state @param {string} message */
  #say(state, message, action = "", retryAt = 0) {
    this.news = { state, message, action, retryAt };
    this.tell();
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#line?.close();
    this.#line = null;
  }

  /** Whatever it is that keeps the picture still, a new beginning may mend it. @param {number} now */
  #watch(now) {
    if (!this.#line || this.video.currentTime !== this.#shown) this.#movedAt = now;
    this.#shown = this.video.currentTime;
    if (now - this.#movedAt < STANDSTILL_MS) return;
    this.feed.discard();
    this.ended(this.#line, this.#heard ? "silent" : "offline");
  }

  #begun() {
    this.edge.begin();
    void this.play();
  }

  async #playAsAllowed() {
    if (!this.video.muted) {
      this.video.muted = this.mutedByBrowser = true;
      return this.play();
    }
    this.video.muted = this.mutedByBrowser = false; // after a click there may be sound
    this.#stop();
    this.#say("waiting", "This browser wants a click before it plays.", "Play");
  }

  #plays() {
    if (!this.#line) return;
    this.#heard = true;
    this.#retries = 0;
    this.#say("playing", "");
  }

  #waits() {
    if (!this.#line || this.news.state !== "playing") return;
    if (this.edge.stalled()) this.#say("waiting", "Buffering …");
  }

  #pauses() {
    this.#resume = document.hidden; // then it was the browser
    this.#stop();
    this.#say("waiting", "Paused.", "Play");
  }

  #breaks() {
    if (!Source) return; // NativeLine sees to it
    this.feed.discard();
    this.ended(this.#line, "broken");
  }

  #comesBack() {
    if (document.hidden || !this.#resume) return;
    this.#resume = false;
    void this.play();
  }
}

class Page {
  /** @param {string} name */
  constructor(name) {
    this.root = find("player");
    this.video = /** @type {HTMLVideoElement} */ (find("video"));
    this.player = new Player(this.video, name, () => this.#show());
    this.shownAt = performance.now();
    find("name").textContent = name;
    document.title = `${name} – Fanlight`;
    this.#restoreSound();
    this.#wire();
    setInterval(() => this.#tick(), TICK_MS);
    this.player.connect();
  }

  #wire() {
    click("play", () => this.#toggle());
    click("action", () => this.#act());
    click("live", () => this.player.edge.jump());
    click("mute", () => this.#mute());
    click("sound", () => this.#mute());
    click("stats", () => this.#toggleStats());
    click("fullscreen", () => this.#fullscreen());
    find("volume").addEventListener("input", (event) => this.#setVolume(event));
    this.video.addEventListener("dblclick", () => this.#fullscreen());
    this.video.addEventListener("volumechange", () => this.#showSound());
    for (const event of ["pointermove", "pointerdown", "keydown", "focusin"]) {
      document.addEventListener(event, () => this.#wake());
    }
    document.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("fullscreenchange", () => this.#showFullscreen());
  }

  // -- what a person does

  #toggle() {
    if (this.player.news.action) this.#act();
    else this.player.pause();
  }

  #act() {
    if (this.video.paused) void this.player.play();
    else this.player.connect();
  }

  #mute() {
    this.player.mutedByBrowser = false;
    this.video.muted = !this.video.muted;
    if (!this.video.muted && !this.video.volume) this.video.volume = 0.5;
    this.#showSound();
  }

  /** @param {Event} event */
  #setVolume(event) {
    this.video.volume = Number(/** @type {HTMLInputElement} */ (event.target).value);
    this.video.muted = this.video.volume === 0;
  }

  #toggleStats() {
    const panel = find("figures");
    panel.hidden = !panel.hidden;
    find("stats").setAttribute("aria-expanded", String(!panel.hidden));
    this.#tick();
  }

  #fullscreen() {
    if (document.fullscreenElement) void document.exitFullscreen();
    else if (this.root.requestFullscreen) void this.root.requestFullscreen().catch(() => {});
    else Reflect.get(this.video, "webkitEnterFullscreen")?.call(this.video); // iPhones: the video alone
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const onControl = event.target instanceof HTMLButtonElement || event.target instanceof HTMLInputElement;
    if (event.key === " " && !onControl) this.#toggle();
    else if (event.key === "m") this.#mute();
    else if (event.key === "f") this.#fullscreen();
    else if (event.key === "i") this.#toggleStats();
    else return;
    event.preventDefault();
  }

  #wake() {
    this.shownAt = performance.now();
    delete this.root.dataset.idle;
  }

  // -- what a person sees

  #show() {
    const { state, message, action, retryAt } = this.player.news;
    this.root.dataset.state = state;
    this.root.dataset.tracks = this.player.tracks;
    this.root.dataset.paused = String(Boolean(action));
    find("play").setAttribute("aria-label", action || "Pause");
    clearTimeout(this.showing);
    const brief = state === "waiting" && !action && !retryAt && this.video.readyState > 0;
    this.showing = setTimeout(() => this.#showMessage(message, action), brief ? SHOW_WAIT_MS : 0);
    this.#wake();
    this.#countDown();
  }

  /** @param {string} message @param {string} action */
  #showMessage(message, action) {
    find("notice").hidden = !message;
    if (find("message").textContent !== message) find("message").textContent = message;
    find("action").hidden = !action;
    find("action").textContent = action;
  }

  #countDown() {
    const { retryAt, message } = this.player.news;
    const left_s = Math.ceil((retryAt - performance.now()) / 1000);
    find("countdown").hidden = !message || left_s < 1;
    find("countdown").textContent = `Trying again in ${left_s} s`;
  }

  #showSound() {
    const { muted, volume } = this.video;
    this.root.dataset.muted = String(muted);
    find("mute").setAttribute("aria-label", muted ? "Unmute" : "Mute");
    /** @type {HTMLInputElement} */ (find("volume")).value = String(muted ? 0 : volume);
    find("sound").hidden = !(muted && this.player.mutedByBrowser);
    if (!this.player.mutedByBrowser) remember({ muted, volume });
  }

  #restoreSound() {
    const { muted = false, volume = 1 } = remembered();
    this.video.volume = volume;
    this.video.muted = muted;
  }

  #showFullscreen() {
    const full = Boolean(document.fullscreenElement);
    this.root.dataset.fullscreen = String(full);
    find("fullscreen").setAttribute("aria-label", full ? "Leave full screen" : "Full screen");
  }

  #tick() {
    this.player.tick();
    const stats = this.player.stats();
    find("latency").textContent = stats.state === "playing" ? `${stats.latency_s.toFixed(1)} s` : "";
    this.#countDown();
    if (!find("figures").hidden) this.#showFigures(stats);
    const idle = stats.state === "playing" && performance.now() - this.shownAt > IDLE_MS;
    if (idle && !this.root.querySelector(".bar :focus-visible")) this.root.dataset.idle = "";
  }

  /** @param {ReturnType<Player["stats"]>} stats */
  #showFigures(stats) {
    const captured = stats.capture_latency_s;
    const figures = {
      picture: stats.width ? `${stats.width} × ${stats.height}` : "none",
      codecs: stats.codecs || "not known",
      bitrate: `${(stats.bitrate_bps / 1e6).toFixed(2)} Mbit/s`,
      frames: `${stats.frames} shown, ${stats.dropped} dropped`,
      buffer: `${stats.latency_s.toFixed(2)} s, target ${stats.target_s.toFixed(1)} s`,
      captured: captured === null ? "not known" : `${captured.toFixed(2)} s ago`,
      speed: `${stats.rate.toFixed(1)} ×`,
      stalls: `${stats.stalls}`,
      reconnects: `${stats.reconnects}`,
    };
    for (const [id, text] of Object.entries(figures)) find(`figure-${id}`).textContent = text;
  }
}

/** @param {string} id @returns {HTMLElement} */
function find(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** @param {string} id @param {() => void} act */
function click(id, act) {
  find(id).addEventListener("click", act);
}

/** What was chosen before, if this browser keeps it. @returns {{ muted?: boolean, volume?: number }} */
function remembered() {
  try {
    return JSON.parse(localStorage.getItem("fanlight-sound") ?? "{}");
  } catch {
    return {};
  }
}

/** @param {{ muted: boolean, volume: number }} sound */
function remember(sound) {
  try {
    localStorage.setItem("fanlight-sound", JSON.stringify(sound));
  } catch {
    // Then it is forgotten.
  }
}

const page = new Page(location.pathname.slice(PAGE_PREFIX.length).replace(/\/+$/, ""));

/** For tests and for people with a console. */
Object.assign(window, {
  fanlight: {
    get state() {
      return page.player.news.state;
    },
    stats: () => page.player.stats(),
  },
});
