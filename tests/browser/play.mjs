// Plays one stream in Chromium and prints what the browser saw as one line of JSON: with mpegts.js what is FLV,
// with hls.js what is HLS.
//
//     node play.mjs ws://127.0.0.1:8080/live/name.flv 3
//     node play.mjs http://127.0.0.1:8080/live/name.m3u8 10
//     node play.mjs https://127.0.0.1:8443/live/name.m3u8 10
//
// The page comes from a port of its own: as with a real viewer, the engine is asked across origins. Any certificate
// will do. `protocols` are those in which the engine answered, as browsers call them: "http/1.1", "h2".

import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [url, seconds] = [process.argv[2], Number(process.argv[3])];
const name = url.endsWith(".m3u8") ? "hls.js" : "mpegts.js";
const library = createRequire(import.meta.url).resolve(name);
const markup = '<!doctype html><video id="video" muted></video><script src="/library.js"></script>';

const site = createServer((request, response) => {
  if (request.url === "/library.js") createReadStream(library).pipe(response);
  else response.setHeader("Content-Type", "text/html").end(markup);
});
await new Promise((listening) => site.listen(0, "127.0.0.1", listening));

/** Runs in the page: plays until so many seconds of the stream were shown, or an error ends it. */
function watch([url, name, seconds]) {
  const video = document.getElementById("video");
  const seen = { stalls: 0, latency: null };
  video.addEventListener("waiting", () => (seen.stalls += video.currentTime > 0 ? 1 : 0));
  const failed = name === "hls.js" ? playHls(video) : playFlv(video);
  return new Promise((resolve, reject) => {
    failed.catch(reject);
    video.addEventListener("timeupdate", () => {
      const shown = video.played.length ? video.played.end(video.played.length - 1) - video.played.start(0) : 0;
      if (shown < seconds) return;
      const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
      const { videoWidth: width, videoHeight: height } = video;
      resolve({ shown, frames: totalVideoFrames, dropped: droppedVideoFrames, width, height, ...seen, ...latency() });
    });
    video.play().catch(reject);
  });

  function latency() {
    return window.hls ? { latency: window.hls.latency } : {};
  }

  function playFlv(video) {
    const player = mpegts.createPlayer({ type: "flv", isLive: true, url });
    player.attachMediaElement(video);
    player.load();
    return new Promise((_, reject) => {
      player.on(mpegts.Events.ERROR, (...what) => reject(new Error(what.slice(0, 2).join(" "))));
    });
  }

  function playHls(video) {
    window.hls = new Hls({ lowLatencyMode: true });
    window.hls.loadSource(url);
    window.hls.attachMedia(video);
    return new Promise((_, reject) => {
      window.hls.on(Hls.Events.ERROR, (_, { fatal, details }) => fatal && reject(new Error(details)));
    });
  }
}

/** Keeps what the engine's answers were spoken in. A page itself is not told that of another origin. */
async function noteProtocols(page) {
  const protocols = new Set();
  const session = await page.context().newCDPSession(page);
  session.on("Network.responseReceived", ({ response }) => {
    if (response.url.startsWith(new URL(url).origin)) protocols.add(response.protocol);
  });
  await session.send("Network.enable");
  return protocols;
}

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
});
try {
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  const protocols = await noteProtocols(page);
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
  const seen = await page.evaluate(watch, [url, name, seconds]);
  console.log(JSON.stringify({ ...seen, protocols: [...protocols] }));
} finally {
  await browser.close();
  site.close();
}
