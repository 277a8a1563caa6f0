// Opens a player page in Chromium, lets it play for a while, and prints what the page says of itself as one
// line of JSON. Whatever the page's policy forbids, and whatever its script throws, is a failure. SCREEN=phone
// makes the screen that of a phone.
//
//     node play_page.mjs http://127.0.0.1:8080/play/live/name 3
//     node play_page.mjs http://127.0.0.1:8080/play/live/name 3 picture.png

import { chromium } from "playwright-core";

const PATIENCE_MS = 20_000; // beyond the time that is watched
const SIZES = { desktop: { width: 1280, height: 720 }, phone: { width: 390, height: 844 } };

const [url, seconds, png] = [process.argv[2], Number(process.argv[3]), process.argv[4]];
const size = SIZES[process.env.SCREEN ?? "desktop"];

/** Runs in the page: whether so much was shown since it first played; throws when it has given up. */
function hasShown(seconds) {
  const { state, currentTime, message } = window.fanlight.stats();
  if (state === "error") throw new Error(message);
  if (state === "playing") window.firstShown ??= currentTime;
  return currentTime - window.firstShown >= seconds;
}

/** Throws what went wrong in the page, with what the page says itself. */
async function watch(page, faults) {
  await page.goto(url);
  try {
    await page.waitForFunction(hasShown, seconds, { timeout: seconds * 1000 + PATIENCE_MS, polling: 100 });
  } catch (error) {
    const said = await page.evaluate(() => JSON.stringify(window.fanlight?.stats())).catch(() => "nothing");
    throw new Error(`${error.message.split("\n")[0]}; the page says ${said}`);
  }
  if (faults.length) throw new Error(faults.join("; "));
  return page.evaluate(() => window.fanlight.stats());
}

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
});
try {
  const page = await browser.newPage({ viewport: size, hasTouch: size === SIZES.phone });
  const faults = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (line) => /Content Security Policy/.test(line.text()) && faults.push(line.text()));
  try {
    console.log(JSON.stringify(await watch(page, faults)));
  } finally {
    // What went wrong before is what matters; the page may be gone.
    if (png) await page.screenshot({ path: png }).catch((error) => console.error(error.message));
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await browser.close();
}
