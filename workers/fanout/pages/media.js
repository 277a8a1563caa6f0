// From fragmented MP4 to pictures, near the live edge. What the player page does with it is in player.js.
//
//   SocketLine  where the media comes from: fragmented MP4 over a WebSocket
//   NativeLine  or HLS, where the device plays that itself and has no Media Source Extensions
//   Feed        a MediaSource with its one SourceBuffer: messages in, pictures out
//   Edge        keeps what is shown near the newest picture, and further from it on lines that stall
//
// A message with codecs always means a new beginning: what was buffered is removed and the playhead is put to
// the new edge, since the times of a publisher who came back may lie anywhere.

/**
 * Who owns a line.
 * @typedef {object} Owner
 * @property {HTMLVideoElement} video
 * @property {string} name of the stream
 * @property {(mime: string, tracks: string[]) => void} begin
 * @property {(bytes: Uint8Array) => void} take
 * @property {() => Promise<void>} play
 * @property {(line: Line, reason: string) => void} ended
 */
/** @typedef {{ capturedAt_s: number | null, close(): void }} Line */

const TARGET_S = 0.2; // of media ahead of the picture: a good line's jitter, and a decoder's few frames
const TARGET_STEP_S = 0.1; // more after each stall, less after each calm while
const MAX_TARGET_S = 2;
const CALM_MS = 60_000;
const SLACK_S = 0.15; // so far beyond the target it plays faster, until a quarter of that is left
const CATCH_UP_RATE = 1.1; // few hear it
const JUMP_S = 3; // beyond the target: playing faster would take half a minute
const SETTLE_MS = 1500; // at first comes what was sent since a keyframe; that is not worth watching
const SETTLE_JUMP_S = 0.5;
const AFTER_JUMP_MS = 500; // pictures that are missing then are no stall

const KEEP_BEHIND_S = 10; // of what was shown already; up to twice that, so that removing is rare
const MAX_QUEUED_BYTES = 32 << 20; // some seconds of the fattest streams; who is behind by more begins anew
const ANSWER_MS = 5000;

const MDHD = 0x6d646864;
const PRFT = 0x70726674;
const NTP_EPOCH_S = 2_208_988_800; // from 1900 to 1970, RFC 868

/** Why a line ended. RFC 6455 section 7.4.1 and its registry. @type {Record<number, string>} */
const CLOSE_CODES = { 1001: "over", 1008: "refused", 1013: "offline" };
/** The same of a request beside, when a WebSocket was not opened. @type {Record<number, string>} */
const STATUSES = { 400: "refused", 401: "refused", 403: "refused", 404: "offline", 503: "full" };
/** @type {Record<string, string>} */
const CODEC_NAMES = {
  avc1: "H.264", hvc1: "HEVC", hev1: "HEVC", av01: "AV1", vp09: "VP9", mp4a: "AAC or MP3", opus: "Opus",
  fLaC: "FLAC", "ac-3": "Dolby Digital", "ec-3": "Dolby Digital Plus",
};

/** iPhones have only the managed kind. @type {typeof MediaSource | undefined} */
export const Source = window.MediaSource ?? Reflect.get(window, "ManagedMediaSource");

/** @param {TimeRanges} ranges @returns {[number, number] | null} */
function lastRange(ranges) {
  const last = ranges.length - 1;
  return last < 0 ? null : [ranges.start(last), ranges.end(last)];
}

/** @param {Uint8Array[]} pieces */
function joined(pieces) {
  const whole = new Uint8Array(pieces.reduce((bytes, piece) => bytes + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Ticks per second of an init segment's first track (ISO 14496-12 section 8.4.2). @param {ArrayBuffer} init */
function timescaleOf(init) {
  const view = new DataView(init);
  for (let at = 4; at + 28 <= init.byteLength; at += 1) {
    if (view.getUint32(at) === MDHD) return view.getUint32(at + (view.getUint8(at + 4) === 1 ? 24 : 16));
  }
  return 0;
}

/**
 * When the media's time 0 would have been captured, by the clock of prft (section 8.16.5), in s since 1970.
 * @param {ArrayBuffer} fragment @param {number} timescale
 */
function captureOf(fragment, timescale) {
  const view = new DataView(fragment);
  if (!timescale || fragment.byteLength < 32 || view.getUint32(4) !== PRFT) return null;
  const wall_s = view.getUint32(16) - NTP_EPOCH_S + view.getUint32(20) / 2 ** 32;
  const ticks = view.getUint8(8) === 1 ? Number(view.getBigUint64(24)) : view.getUint32(24);
  return wall_s - ticks / timescale;
}

/** The codecs of a type. @param {string} mime */
export function codecsOf(mime) {
  return (/codecs="([^"]*)"/.exec(mime)?.[1] ?? "").split(",").map((codec) => codec.trim());
}

/** What this browser cannot play of a type, in words, or "". @param {string} mime */
export function unplayable(mime) {
  if (Source?.isTypeSupported(mime)) return "";
  const all = codecsOf(mime);
  const codec = all.find((one) => !Source?.isTypeSupported(`video/mp4; codecs="${one}"`)) ?? all.join(", ");
  const name = CODEC_NAMES[codec.split(".")[0]];
  return name ? `${name} (${codec})` : codec;
}

export class Edge {
  stalls = 0;
  target_s = TARGET_S;
  #jumpedAt = 0;
  #begunAt = 0;
  #calmSince = 0;

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.video = video;
  }

  /** Seconds from the picture that is shown to the newest that is here. */
  get behind_s() {
    const range = lastRange(Source ? this.video.buffered : this.video.seekable);
    return range ? Math.max(0, range[1] - this.video.currentTime) : 0;
  }

  begin() {
    this.#begunAt = this.#calmSince = performance.now();
    this.jump();
  }

  jump() {
    const range = lastRange(Source ? this.video.buffered : this.video.seekable);
    if (!range) return;
    this.#jumpedAt = performance.now();
    this.video.currentTime = Math.max(range[0], range[1] - this.target_s);
  }

  /** Takes note that pictures ran out; false if that was but the way to another place. */
  stalled() {
    const now = performance.now();
    if (this.video.seeking || now - this.#jumpedAt < AFTER_JUMP_MS) return false;
    this.stalls += 1;
    this.#calmSince = now;
    this.target_s = Math.min(this.target_s + TARGET_STEP_S, MAX_TARGET_S);
    return true;
  }

  /** @param {number} now */
  tick(now) {
    const { video } = this;
    const range = lastRange(video.buffered);
    if (!range || video.seeking || video.paused) return;
    this.#relax(now);
    const excess = this.behind_s - this.target_s;
    const starved = video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    const tooMuch = now - this.#begunAt < SETTLE_MS ? SETTLE_JUMP_S : JUMP_S;
    if (excess > tooMuch || (starved && video.currentTime < range[0])) this.jump();
    else if (excess > SLACK_S) video.playbackRate = CATCH_UP_RATE;
    else if (excess < SLACK_S / 4) video.playbackRate = 1;
  }

  /** @param {number} now */
  #relax(now) {
    if (now - this.#calmSince < CALM_MS) return;
    this.#calmSince = now;
    this.target_s = Math.max(this.target_s - TARGET_STEP_S, TARGET_S);
  }
}

export class Feed {
  /** @type {MediaSource | null} */ #source = null;
  /** @type {SourceBuffer | null} */ #buffer = null;
  /** @type {Uint8Array[]} */ #queue = [];
  #queuedBytes = 0;
  #mime = "";
  #tracks = "";
  #stale = false; // the buffer still holds what was before
  #begun = true; // the playhead is where the media is

  /** @param {HTMLVideoElement} video @param {() => void} begun @param {(reason: string) => void} failed */
  constructor(video, begun, failed) {
    this.video = video;
    this.begun = begun;
    this.failed = failed;
  }

  /** What follows is of this type and a new beginning. @param {string} mime @param {string[]} tracks */
  begin(mime, tracks) {
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#begun = false;
    this.#mime = mime;
    // A SourceBuffer may change its codecs, but not which kinds of tracks it has.
    const same = this.#buffer && this.#source?.readyState === "open" && this.#tracks === String(tracks);
    this.#tracks = String(tracks);
    this.#stale = Boolean(same);
    if (same) this.#pump();
    else this.#open();
  }

  /** @param {Uint8Array} bytes */
  append(bytes) {
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes > MAX_QUEUED_BYTES) this.failed("behind");
    else this.#pump();
  }

  /** The source met media that it could not take; the next beginning gets another one. */
  discard() {
    this.#source = this.#buffer = null;
  }

  #open() {
    if (!Source) return;
    const source = new Source();
    this.#source = source;
    this.#buffer = null;
    const opened = () => source === this.#source && this.#attach(source);
    source.addEventListener("sourceopen", opened, { once: true });
    this.video.disableRemotePlayback = true; // without that a managed source does not open
    this.video.src = URL.createObjectURL(source);
  }

  /** @param {MediaSource} source */
  #attach(source) {
    URL.revokeObjectURL(this.video.src);
    source.duration = Infinity;
    const buffer = source.addSourceBuffer(this.#mime);
    buffer.addEventListener("updateend", () => buffer === this.#buffer && this.#pump());
    this.#buffer = buffer;
    this.#pump();
  }

  #pump() {
    const buffer = this.#buffer;
    if (!buffer || buffer.updating || this.#source?.readyState !== "open") return;
    try {
      this.#step(buffer);
    } catch {
      this.discard();
      this.failed("broken");
    }
  }

  /** The next thing to do; the buffer does one at a time. @param {SourceBuffer} buffer */
  #step(buffer) {
    const { buffered } = buffer;
    if (this.#stale) {
      this.#stale = false;
      buffer.changeType(this.#mime);
      return buffer.remove(0, Infinity);
    }
    // A first burst is taken in whole, so that its old pictures do not flash by.
    if (!this.#begun && buffered.length && !this.#queue.length) {
      this.#begun = true;
      this.begun();
    }
    const shown = this.video.currentTime;
    if (this.#begun && buffered.length && buffered.start(0) < shown - 2 * KEEP_BEHIND_S) {
      buffer.remove(0, shown - KEEP_BEHIND_S);
    } else if (this.#queue.length) {
      this.#queuedBytes = 0;
      buffer.appendBuffer(joined(this.#queue.splice(0)));
    }
  }
}

export class SocketLine {
  /** @type {number | null} */ capturedAt_s = null;
  #timescale = -1; // what comes next is an init segment

  /** @param {Owner} player */
  constructor(player) {
    this.player = player;
    const url = new URL(`/${player.name}.mp4${location.search}`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = (this.socket = new WebSocket(url));
    socket.binaryType = "arraybuffer";
    let opened = false;
    socket.onopen = () => (opened = true);
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onclose = async ({ code }) => {
      player.ended(this, CLOSE_CODES[code] ?? (opened ? "lost" : await refusal(player.name)));
    };
  }

  close() {
    this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
  }

  /** @param {string | ArrayBuffer} data */
  #hear(data) {
    if (typeof data === "string") {
      const { type, mime, tracks } = JSON.parse(data);
      if (type !== "init") return;
      this.#timescale = -1;
      this.capturedAt_s = null;
      this.player.begin(mime, tracks);
      return;
    }
    if (this.#timescale < 0) this.#timescale = timescaleOf(data);
    else this.capturedAt_s = captureOf(data, this.#timescale) ?? this.capturedAt_s;
    this.player.take(new Uint8Array(data));
  }
}

export class NativeLine {
  /** @param {Owner} player */
  constructor(player) {
    this.video = player.video;
    this.video.onended = () => player.ended(this, "over");
    this.video.onerror = async () => player.ended(this, await refusal(player.name));
    this.video.src = `/${player.name}.m3u8${location.search}`;
    void player.play();
  }

  /** Of the picture's time 0; the playlist's dates. Only Safari tells. @returns {number | null} */
  get capturedAt_s() {
    const date = /** @type {{ getStartDate?: () => Date }} */ (this.video).getStartDate?.().getTime();
    return date ? date / 1000 : null;
  }

  close() {
    this.video.onended = this.video.onerror = null;
  }
}

/** Why there was no stream: scripts are not told that of a WebSocket. @param {string} name */
async function refusal(name) {
  try {
    const url = `/${name}.flv${location.search}`;
    const { status } = await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(ANSWER_MS) });
    return STATUSES[status] ?? "lost";
  } catch {
    return "lost";
  }
}
