// node dashboard.mjs PAGE ACTION…: opens the dashboard at PAGE in Debian's Chromium. Actions, in order:
//   reads=N              until N readings are shown
//   says=ID=PATTERN      until the text of the element matches
//   shot=FILE=THEME      a picture of it, dark or light
//   fits                 nothing is cut off: the page has no more than the window, a card no more than it shows
// Fails if the page asked for anything but the admin ports of this machine, or reported an error.
import { chromium } from "playwright-core";

const [page, ...actions] = process.argv.slice(2);
const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
});
const wrong = [];
const tab = await browser.newPage({ viewport: { width: 1920, height: 1080 } });
try {
    tab.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
    tab.on("console", (message) => {
        // What a process that is gone makes Chromium say is expected.
        if (message.type() === "error" && !/ERR_CONNECTION|ERR_ABORTED|404/.test(message.text()))
            wrong.push(`console: ${message.text()}`);
    });
    tab.on("request", (request) => {
        const { protocol, hostname, pathname } = new URL(request.url());
        const ours = hostname === "127.0.0.1" && /^\/(dashboard|metrics$)/.test(pathname);
        if (protocol !== "data:" && !ours) wrong.push(`asked for ${request.url()}`);
    });
    await tab.goto(page);
    for (const action of actions) {
        const [verb, what, ...rest] = action.split("=");
        const more = rest.join("=");
        if (verb === "reads")
            await tab.waitForFunction((n) => Number(document.body.dataset.readings) >= n, Number(what), {
                timeout: 300000,
            });
        else if (verb === "says")
            await tab.waitForFunction(
                ([id, pattern]) => new RegExp(pattern).test(document.getElementById(id).textContent),
                [what, more],
                { timeout: 60000 },
            );
        else if (verb === "fits") {
            const cut = await tab.evaluate(() =>
                [document.documentElement, ...document.querySelectorAll(".card")]
                    .filter((e) => e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight)
                    .map((e) => e.querySelector("h1, h2").textContent),
            );
            if (cut.length) throw new Error(`cut off: ${cut.join(", ")}`);
        } else if (verb === "shot") {
            await tab.emulateMedia({ colorScheme: more });
            const light = more === "light";
            await tab.waitForFunction((is) => document.documentElement.classList.contains("light") === is, light);
            await tab.screenshot({ path: what });
        } else throw new Error(`no action ${action}`);
    }
} catch (error) {
    wrong.push(error.message.split("\n")[0], `it said: ${await tab.textContent("body > header")}`);
} finally {
    await browser.close();
}
for (const line of new Set(wrong)) console.error(line);
process.exit(wrong.length ? 1 : 0);
