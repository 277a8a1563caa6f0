// Plays one stream with mpegts.js in Chromium and prints what the browser saw as one line of JSON.
//
//     node play.mjs ws://127.0.0.1:8080/live/name.flv 3
//
// The page comes from a port of its own: as with a real viewer, the engine is asked across origins.

import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [url, seconds] = [process.argv[2], Number(process.argv[3])];
const library = createRequire(import.meta.url).resolve("mpegts.js");
const markup = '<!doctype html><video id="video" muted></video><script src="/mpegts.js"></script>';

const site = createServer((request, response) => {
  if (request.url === "/mpegts.js") createReadStream(library).pipe(response);
  else response.setHeader("Content-Type", "text/html").end(markup);
});
await new Promise((listening) => site.listen(0, "127.0.0.1", listening));

/** Runs in the page: plays until so many seconds of the stream were shown, or an error ends it. */
function watch([url, seconds]) {
  const video = document.getElementById("video");
  const player = mpegts.createPlayer({ type: "flv", isLive: true, url });
  player.attachMediaElement(video);
  player.load();
  return new Promise((resolve, reject) => {
    player.on(mpegts.Events.ERROR, (...what) => reject(new Error(what.slice(0, 2).join(" "))));
    video.addEventListener("timeupdate", () => {
      const shown = video.played.length ? video.played.end(0) - video.played.start(0) : 0;
      if (shown < seconds) return;
      const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
      const { videoWidth: width, videoHeight: height } = video;
      resolve({ shown, frames: totalVideoFrames, dropped: droppedVideoFrames, width, height });
    });
    video.play().catch(reject);
  });
}

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
});
try {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
  console.log(JSON.stringify(await page.evaluate(watch, [url, seconds])));
} finally {
  await browser.close();
  site.close();
}
