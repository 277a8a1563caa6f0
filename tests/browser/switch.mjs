// Plays a programme in Chromium with hls.js, changes to another of its renditions while it plays, and prints
// what the browser saw as one line of JSON: the pictures' heights, and whether playing ever stopped.
//
//     node switch.mjs http://127.0.0.1:8080/live/final.m3u8 3
//
// The seconds are those to be shown of each rendition.

import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const PATIENCE_MS = 30_000;
const [url, seconds] = [process.argv[2], Number(process.argv[3])];
const library = createRequire(import.meta.url).resolve("hls.js");
const markup = '<!doctype html><video id="video" muted></video><script src="/library.js"></script>';

const site = createServer((request, response) => {
  if (request.url === "/library.js") createReadStream(library).pipe(response);
  else response.setHeader("Content-Type", "text/html").end(markup);
});
await new Promise((listening) => site.listen(0, "127.0.0.1", listening));

/** Runs in the page: plays the largest, then the smallest; throws what ends it. */
async function watch([url, seconds, patienceMs]) {
  const video = document.getElementById("video");
  const seen = { stalls: 0, levels: [], shown: [], reloads: [], jumps: 0 };
  const hls = new Hls({ lowLatencyMode: true, autoStartLoad: false });
  let newest = 0;
  video.addEventListener("waiting", () => (seen.stalls += video.currentTime > 0 ? 1 : 0));
  video.addEventListener("timeupdate", () => {
    if (newest && video.currentTime - newest > 1) seen.jumps += 1;
    newest = video.currentTime;
  });
  hls.on(Hls.Events.LEVEL_LOADING, (_, { level, url }) => seen.reloads.push([level, url]));
  const failed = new Promise((_, reject) => {
    hls.on(Hls.Events.ERROR, (_, { fatal, details }) => fatal && reject(new Error(details)));
    setTimeout(() => reject(new Error(`too slow: ${JSON.stringify(seen)}`)), patienceMs);
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  await Promise.race([failed, new Promise((parsed) => hls.on(Hls.Events.MANIFEST_PARSED, parsed))]);
  seen.levels = hls.levels.map(({ height, bitrate }) => ({ height, bitrate }));
  const byHeight = [...hls.levels.keys()].sort((one, other) => hls.levels[other].height - hls.levels[one].height);
  hls.startLevel = byHeight[0];
  hls.startLoad();
  for (const level of [byHeight[0], byHeight.at(-1)]) {
    hls.nextLevel = level;
    video.play().catch(() => {});
    await Promise.race([failed, shows(hls.levels[level].height)]);
    seen.shown.push(video.videoHeight);
  }
  return seen;

  /** Waits until so many seconds of pictures of this height were shown. */
  function shows(height) {
    let since = null;
    return new Promise((resolve) => {
      video.addEventListener("timeupdate", () => {
        if (video.videoHeight !== height) since = null;
        else if ((since ??= video.currentTime) + seconds <= video.currentTime) resolve();
      });
    });
  }
}

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
});
try {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
  console.log(JSON.stringify(await page.evaluate(watch, [url, seconds, PATIENCE_MS])));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await browser.close();
  site.close();
}
