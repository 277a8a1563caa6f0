// Plays the clock of bench/browser/clock.py in Chromium with one of three players, and prints what the meter
// saw as one line of JSON. The time that is measured begins when a player has had time to find its place.
//
//     node measure.mjs page http://127.0.0.1:8080/play/live/clock 60 picture.png
//     node measure.mjs hls http://127.0.0.1:8080/live/clock.m3u8 60          (hls-as-is: with its defaults)
//     node measure.mjs flv ws://127.0.0.1:8080/live/clock.flv 60

import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { installMeter } from "./meter.mjs";

const START_MS = 30_000;
const SETTLE_MS = 8_000; // hls.js at 1.1 x takes so long to catch up the part that it began behind
const LIBRARIES = { hls: "hls.js", "hls-as-is": "hls.js", flv: "mpegts.js" };
// hls.js (docs/API.md) plays faster where it is behind only if it is told to; mpegts.js (docs/api.md) keeps a stash
// and never catches up unless it is told not to.
const SETTINGS = {
  hls: { maxLiveSyncPlaybackRate: 1.5 },
  flv: { enableStashBuffer: false, liveSync: true },
};
const MARKUP = `<!doctype html><style>body{margin:0;background:#111}video{width:100%}</style>
  <video id="video" muted></video><script src="/library.js"></script>`;

const [player, url, seconds, png] = [process.argv[2], process.argv[3], Number(process.argv[4]), process.argv[5]];

/** The page's port is its own: as with a real viewer, the engine is asked across origins. */
async function openSite() {
  const library = createRequire(import.meta.url).resolve(LIBRARIES[player]);
  const site = createServer((request, response) => {
    if (request.url === "/library.js") createReadStream(library).pipe(response);
    else response.setHeader("Content-Type", "text/html").end(MARKUP);
  });
  await new Promise((listening) => site.listen(0, "127.0.0.1", listening));
  return site;
}

/** Runs in the page. */
function beginToPlay([library, url, settings]) {
  const video = document.getElementById("video");
  window.failures = [];
  if (library === "hls.js") {
    const hls = new Hls(settings);
    hls.on(Hls.Events.ERROR, (_, { fatal, details }) => window.failures.push(`${fatal ? "fatal " : ""}${details}`));
    hls.loadSource(url);
    hls.attachMedia(video);
    window.ownFigures = () => ({ latency_s: hls.latency, target_s: hls.targetLatency });
  } else {
    const flv = mpegts.createPlayer({ type: "flv", isLive: true, url }, settings);
    flv.on(mpegts.Events.ERROR, (...what) => window.failures.push(`fatal ${what.slice(0, 2).join(" ")}`));
    flv.attachMediaElement(video);
    flv.load();
    window.ownFigures = () => ({ latency_s: video.buffered.end(0) - video.currentTime });
  }
  video.play().catch((error) => window.failures.push(`fatal ${error.message}`));
}

/** Runs in our own player page. */
function readPage() {
  window.failures = [];
  window.ownFigures = () => window.fanlight.stats();
}

async function watch(page) {
  const site = player === "page" ? null : await openSite();
  try {
    await page.goto(site ? `http://127.0.0.1:${site.address().port}/` : url);
    if (site) await page.evaluate(beginToPlay, [LIBRARIES[player], url, SETTINGS[player]]);
    else await page.evaluate(readPage);
    await page.evaluate(installMeter);
    await page.waitForFunction(() => document.querySelector("video").currentTime > 0, null, { timeout: START_MS });
    await page.waitForTimeout(SETTLE_MS);
    await page.evaluate(() => window.meter.start());
    await page.waitForTimeout(seconds * 1000);
    return await page.evaluate(() => ({
      ...window.meter.stop(), own: window.ownFigures(), failures: window.failures,
    }));
  } finally {
    site?.close();
  }
}

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
});
const page = await browser.newPage({ viewport: { width: 960, height: 540 } });
try {
  console.log(JSON.stringify(await watch(page)));
} catch (error) {
  const said = await page.evaluate(() => JSON.stringify([window.failures, window.ownFigures?.()])).catch(() => "");
  console.error(`${error.message.split("\n")[0]} ${said}`);
  process.exitCode = 1;
} finally {
  if (png) await page.screenshot({ path: png }).catch((error) => console.error(error.message));
  await browser.close();
}
