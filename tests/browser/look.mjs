// Opens the player page in Chromium, waits until it says something, clicks where it is told to, and prints what
// there is then as one line of JSON: the message, the state, and where the controls are.
//
//     node look.mjs http://127.0.0.1:8080/play/live/name "is not live"
//     BLOCKED=yes CLICK=action node look.mjs http://…/play/live/name "wants a click" picture.png
//
// SCREEN=phone makes the screen that of a phone. AUTOPLAY is the browser's policy; BLOCKED is for one that lets
// nothing play before a click, not even without sound, which Chromium has no policy for (iPhones that save their
// battery do so). Without words it waits until the stream plays.

import { chromium } from "playwright-core";

const PATIENCE_MS = 30_000;
const FOUND = "fanlight: found";
const SIZES = { desktop: { width: 1280, height: 720 }, phone: { width: 390, height: 844 } };

const [url, words, png] = [process.argv[2], process.argv[3] ?? "", process.argv[4]];
const { SCREEN = "desktop", AUTOPLAY = "no-user-gesture-required", CLICK = "", BLOCKED = "" } = process.env;

/** Runs before the page's own scripts. */
function blockUntilClicked() {
  const { play } = HTMLMediaElement.prototype;
  let clicked = false;
  addEventListener("pointerdown", () => (clicked = true), { capture: true });
  HTMLMediaElement.prototype.play = function () {
    if (clicked) return play.call(this);
    return Promise.reject(new DOMException("not before a click", "NotAllowedError"));
  };
}

/**
 * Runs before the page's own scripts, and says on the console when the page has come so far. Whoever asks the
 * page from outside has made it one that a person has used, for the browser, and that may sound.
 */
function tellWhen([words, found]) {
  const says = () => {
    if (!words) return window.fanlight.stats().state === "playing" && window.fanlight.stats().currentTime > 0;
    const told = document.getElementById("message").textContent.includes(words);
    return told && !document.getElementById("notice").hidden;
  };
  const timer = setInterval(() => {
    if (!window.fanlight || !says()) return;
    clearInterval(timer);
    console.log(found);
  }, 100);
}

/** Runs in the page: what a person has before the eyes. A control that something else covers cannot be hit. */
function describe() {
  const shown = (id) => !document.getElementById(id).hidden;
  const controls = [...document.querySelectorAll(".bar button, .action:not([hidden])")].filter((one) => one.checkVisibility());
  const places = controls.map((one) => {
    const { left, top, width, height } = one.getBoundingClientRect();
    const under = document.elementFromPoint(left + width / 2, top + height / 2);
    return { id: one.id, left, top, width, height, hit: one.contains(under) };
  });
  return {
    ...window.fanlight.stats(), said: document.getElementById("message").textContent, muted: document.getElementById("video").muted,
    notice: shown("notice"), action: shown("action"), sound: shown("sound"), controls: places,
    scrolls: document.documentElement.scrollWidth > innerWidth,
  };
}

async function look(page) {
  if (BLOCKED) await page.addInitScript(blockUntilClicked);
  await page.addInitScript(tellWhen, [words, FOUND]);
  const found = page.waitForEvent("console", { predicate: (line) => line.text() === FOUND, timeout: PATIENCE_MS });
  await Promise.all([found, page.goto(url)]);
  const before = await page.evaluate(describe);
  if (png) await page.screenshot({ path: png });
  if (!CLICK) return { before };
  await page.click(`#${CLICK}`);
  await page.waitForFunction(() => window.fanlight.state === "playing", null, { timeout: PATIENCE_MS });
  if (png) await page.screenshot({ path: png });
  return { before, after: await page.evaluate(describe) };
}

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", `--autoplay-policy=${AUTOPLAY}`],
});
const phone = SCREEN === "phone";
const page = await browser.newPage({ viewport: SIZES[SCREEN], hasTouch: phone, isMobile: phone });
try {
  console.log(JSON.stringify(await look(page)));
} catch (error) {
  const said = await page.evaluate(() => JSON.stringify(window.fanlight?.stats())).catch(() => "nothing");
  console.error(`${error.message.split("\n")[0]}; the page says ${said}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
