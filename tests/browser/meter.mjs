// What a page is asked while it plays the clock of bench/browser/clock.py: how old each picture is that it
// shows, and whether it ever stood still. Runs in the page, whatever player is there.

/** Begins to measure; the meter is at window.meter. Runs in the page: it may use nothing from outside. */
export function installMeter() {
  const [SQUARE, BITS] = [16, 40];
  const video = document.querySelector("video");
  const canvas = new OffscreenCanvas(SQUARE * BITS, SQUARE);
  const pencil = canvas.getContext("2d", { willReadFrequently: true });
  let records = null; // since the measured time began

  /** Milliseconds since 1970 modulo 2**32 as the picture says, or null where its sum is wrong. */
  function readClock() {
    pencil.drawImage(video, 0, 0, canvas.width, SQUARE, 0, 0, canvas.width, SQUARE);
    const { data } = pencil.getImageData(0, SQUARE / 2, canvas.width, 1);
    let [clock, sum] = [0, 0];
    for (let bit = 0; bit < BITS; bit += 1) {
      const white = Number(data[(bit * SQUARE + SQUARE / 2) * 4] > 127);
      if (bit < 32) clock = clock * 2 + white;
      else sum = sum * 2 + white;
    }
    const bytes = [24, 16, 8, 0].reduce((total, shift) => total + ((clock >>> shift) & 255), 0);
    return bytes % 256 === sum ? clock : null;
  }

  /** The age is that of the moment at which the picture is on the screen, which the browser expects. */
  function see(now, { expectedDisplayTime }) {
    video.requestVideoFrameCallback(see);
    if (!records) return;
    const clock = readClock();
    const shown_ms = Date.now() + Math.max(0, expectedDisplayTime - performance.now());
    if (clock === null) records.unreadable += 1;
    else records.ages_ms.push((shown_ms - clock + 2 ** 32) % 2 ** 32);
    records.longest_gap_ms = Math.max(records.longest_gap_ms, now - records.seen_at);
    records.seen_at = now;
  }

  function standsStill() {
    if (records && !video.seeking) records.stalls += 1;
  }

  /** Gaps in front of the picture: there it will stand still, or has to jump. */
  function lookForHoles() {
    const { buffered, currentTime } = video;
    const parts = Array.from(buffered, (_, at) => [buffered.start(at), buffered.end(at)]);
    if (records) records.holes += parts.filter(([start], at) => at && start > currentTime).length;
  }

  video.addEventListener("waiting", standsStill);
  video.requestVideoFrameCallback(see);
  setInterval(lookForHoles, 100);
  window.meter = {
    start() {
      const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
      records = { ages_ms: [], unreadable: 0, stalls: 0, holes: 0, longest_gap_ms: 0 };
      Object.assign(records, { seen_at: performance.now(), from_s: video.currentTime });
      Object.assign(records, { frames: totalVideoFrames, dropped: droppedVideoFrames });
    },
    stop() {
      const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
      const ages_ms = records.ages_ms.toSorted((a, b) => a - b);
      const { unreadable, stalls, holes, longest_gap_ms } = records;
      return {
        played_s: video.currentTime - records.from_s, stalls, holes, unreadable, longest_gap_ms,
        frames: totalVideoFrames - records.frames, dropped: droppedVideoFrames - records.dropped,
        read: ages_ms.length, median_ms: ages_ms[ages_ms.length >> 1] ?? null,
        p95_ms: ages_ms[Math.floor(ages_ms.length * 0.95)] ?? null, worst_ms: ages_ms.at(-1) ?? null,
        width: video.videoWidth, height: video.videoHeight,
      };
    },
  };
}
