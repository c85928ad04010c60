// Looks at wxproxy's dashboard with Chromium, as an operator would.
//
//   node dashboard.mjs '{"chromium":"/usr/bin/chromium", ...}'
//
// prints "ok NAME" or "FAIL NAME: why" for each check. The test that runs it,
// e2e/dashboard_test.go, says what the URLs in its argument are.
import { strict as assert } from "node:assert";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const given = JSON.parse(process.argv[2]);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const profile = mkdtempSync(join(tmpdir(), "wxproxy-chromium-"));
const wide = { width: 1280, height: 900 };
const phone = { width: 390, height: 844 };

const browser = await chromium.launch({
  executablePath: given.chromium,
  env: { ...process.env, HOME: profile, XDG_CONFIG_HOME: profile, XDG_CACHE_HOME: profile },
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

// visit opens url and collects what the browser complains about.
async function visit(url, options = {}) {
  const context = await browser.newContext({ viewport: wide, locale: "en-US", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.complaints = [];
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && page.complaints.push(m.text()));
  page.on("pageerror", (e) => page.complaints.push(String(e)));
  page.on("request", (r) => {
    if (!r.url().startsWith(new URL(url).origin) && !r.url().startsWith("data:")) page.complaints.push("asked for " + r.url());
  });
  page.answer = await page.goto(url);
  return page;
}

async function leave(page) {
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

// accessible runs axe over what is shown. Its script comes in through the
// debugger, which no policy of the page stops.
async function accessible(page, least = 20) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  assert.deepEqual(found.violations.map((v) => [v.id, v.nodes.map((n) => [n.html, n.failureSummary])]), []);
  const contrasts = found.passes.find((p) => p.id === "color-contrast")?.nodes.length ?? 0;
  assert.ok(contrasts >= least, `the contrast of only ${contrasts} elements was computed`);
}

async function fits(page) {
  const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= width, `the page is ${content} wide on a screen of ${width}`);
}

// uncovered fails if a state cannot be seen because something lies on it.
async function uncovered(page) {
  const covered = await page.evaluate(() =>
    [...document.querySelectorAll(".state")]
      .filter((state) => {
        state.scrollIntoView({ block: "center" });
        const box = state.getBoundingClientRect();
        const seen = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2);
        return seen.slice(0, seen.indexOf(state)).some((e) => getComputedStyle(e).backgroundColor !== "rgba(0, 0, 0, 0)");
      })
      .map((state) => state.innerText),
  );
  assert.deepEqual(covered, []);
}

const text = (page, selector) => page.locator(selector).first().innerText();

// change waits until the text of an element is another one than before.
async function change(page, selector, before) {
  await page.waitForFunction(([s, b]) => document.querySelector(s).innerText !== b, [selector, before]);
}

// tabTo goes through the page with the keyboard alone until it is at an element.
async function tabTo(page, selector) {
  for (let n = 0; n < 60; n++) {
    await page.keyboard.press("Tab");
    const there = await page.evaluate((s) => document.activeElement.matches(s), selector);
    if (!there) continue;
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.equal(outline, "solid", "focus cannot be seen at " + selector);
    return;
  }
  assert.fail("the keyboard does not lead to " + selector);
}

const checks = {};

for (const [name, options, query] of [
  ["light", { colorScheme: "light" }, ""],
  ["dark", { colorScheme: "dark" }, ""],
  ["phone", { colorScheme: "light", viewport: phone, deviceScaleFactor: 2, isMobile: true, hasTouch: true }, ""],
  ["chinese", { colorScheme: "light", locale: "zh-CN" }, ""],
  ["chinese phone", { colorScheme: "dark", viewport: phone }, "?lang=zh"],
  ["narrow", { colorScheme: "light", viewport: { width: 320, height: 640 } }, ""],
  ["between", { colorScheme: "light", viewport: { width: 900, height: 700 } }, ""],
]) {
  checks[`${name}: it fits, is accessible, and nothing is complained about`] = async () => {
    const page = await visit(given.sample + query, options);
    await page.waitForSelector(":root.script");
    if (given.shots) await page.screenshot({ path: join(given.shots, `dashboard-${name.replace(" ", "-")}.png`), fullPage: name !== "phone" });
    await fits(page);
    await uncovered(page);
    await accessible(page);
    const lang = await page.evaluate(() => document.documentElement.lang);
    assert.equal(lang, name.startsWith("chinese") ? "zh-CN" : "en");
    await leave(page);
  };
}

for (const [name, options, query] of [
  ["light", { colorScheme: "light" }, ""],
  ["dark phone", { colorScheme: "dark", viewport: phone, deviceScaleFactor: 2, isMobile: true, hasTouch: true }, ""],
  ["chinese", { colorScheme: "dark" }, "?lang=zh"],
  ["narrow", { colorScheme: "light", viewport: { width: 320, height: 640 } }, ""],
]) {
  checks[`APIs, ${name}: the page fits, and is accessible`] = async () => {
    const page = await visit(given.sample + "apis" + query, options);
    await page.waitForSelector(":root.script");
    if (given.shots) await page.screenshot({ path: join(given.shots, `dashboard-apis-${name.replace(" ", "-")}.png`), fullPage: true });
    await fits(page);
    await accessible(page);
    await leave(page);
  };
}

checks["APIs: WeChat is asked about a call, by the keyboard and with the key, and the answer is shown"] = async () => {
  const page = await visit(given.sample + "apis");
  await page.waitForSelector(":root.script");
  assert.equal(await page.locator('button[data-rid]').count(), 9);
  await tabTo(page, "button[data-rid]");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#ask[open]");
  await page.keyboard.type("not-the-key");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.getElementById("wrong").innerText !== "");
  await page.keyboard.type(given.key);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#call[open]");
  const told = await text(page, "#told");
  for (const part of ["access_token=[hidden]", "response out of time limit", "203.0.113.7", "31 ms"]) assert.ok(told.includes(part), `${part} is missing in ${told}`);
  await accessible(page, 5);
  await page.keyboard.press("Escape");
  await page.waitForSelector("#call[open]", { state: "hidden" });
  page.complaints = page.complaints.filter((c) => !c.includes("401"));
  await leave(page);
};

checks["APIs: the overview leads to the page and back"] = async () => {
  const page = await visit(given.sample + "?lang=zh");
  await page.click('a[href^="apis"]');
  await page.waitForSelector("#failed");
  assert.equal(await page.evaluate(() => document.documentElement.lang), "zh-CN");
  await page.click('main a[href^="./"]');
  await page.waitForSelector("#accounts");
  await leave(page);
};

// The first ten accounts of a platform are in all its states.
for (const [name, options, query] of [
  ["light", { colorScheme: "light" }, ""],
  ["dark phone", { colorScheme: "dark", viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }, ""],
  ["chinese phone", { colorScheme: "light", viewport: { width: 360, height: 740 } }, "&lang=zh"],
  ["narrow", { colorScheme: "light", viewport: { width: 320, height: 640 } }, ""],
]) {
  for (const [what, url] of [["a platform", given.saas + "?q=wx000000000000000"], ["WeCom", given.wecom + "?q=ww"]]) {
    checks[`${what}, ${name}: it fits, and is accessible`] = async () => {
      const page = await visit(url + query, options);
      await page.waitForSelector(":root.script");
      await fits(page);
      await uncovered(page);
      await accessible(page);
      await leave(page);
    };
  }
}

checks["applications of WeCom: what is paused until when, and which list the address belongs on"] = async () => {
  const page = await visit(given.wecom);
  assert.equal(await text(page, "#headline"), "Accounts without a token: 1 of 2");
  assert.match(await text(page, "tbody tr:nth-child(1)"), /helpdesk\s+WeCom ww0123456789abcdef 1000002/);
  assert.match(await text(page, "#problem-helpdesk"), /errcode 40001.*What to do: check secret.*until 20.*neither a reload, nor a restart, nor a refresh by hand ends that/s);
  assert.match(await text(page, "[id='problem-crm:60020']"), /errcode 60020.*WeCom refused calls, 1,204 since the start, the last one \d+ min ago.*put 203\.0\.113\.7 on the list of trusted IP addresses/s);
  await page.click("nav a");
  assert.match(await text(page, "[id='problem-crm:60020']"), /错误码 60020.*企业微信拒绝了调用.*处理办法：请在企业微信管理后台/s);
  await leave(page);
};

checks["a platform with 100,000 accounts: problems and what to do come first, and the box finds the others"] = async () => {
  const page = await visit(given.saas);
  assert.equal(await page.title(), "wxproxy (1)");
  assert.equal(await text(page, "#headline"), "Third-party platforms with a problem: 1");
  assert.match(await text(page, "#platform-saas .trouble"), /errcode 61004.*What to do: put 203\.0\.113\.7 on the platform's IP allow-list/s);
  const rows = page.locator('tr[id^="authorizer-"]');
  assert.equal(await rows.count(), 200);
  assert.deepEqual((await page.locator(".authorizers .state").allInnerTexts()).slice(0, 9), [
    ...Array(2).fill("failing"), ...Array(4).fill("needs authorization"), ...Array(2).fill("unauthorized"), "ready",
  ]);
  assert.match(await text(page, "#platform-saas .shown"), /^200 of 100,000 shown/);
  const box = await page.locator("#q").boundingBox();
  await page.focus("#q");
  await page.keyboard.type("wx0000000000099999", { delay: 20 });
  await page.waitForFunction(() => document.querySelectorAll('tr[id^="authorizer-"]').length === 1);
  assert.equal(await text(page, "#platform-saas .shown"), "1 of 100,000 match");
  assert.deepEqual(await page.locator("#q").boundingBox(), box, "the box has moved while somebody typed");
  assert.equal(await page.evaluate(() => document.activeElement.id), "q");
  await tabTo(page, "#refresh-wx0000000000099999");
  await page.fill("#q", "failing 61004");
  await page.waitForFunction(() => document.querySelectorAll('tr[id^="authorizer-"]').length === 2);
  await page.click("nav a");
  assert.equal(await text(page, "#headline"), "有问题的第三方平台：1");
  assert.match(await text(page, "#platform-saas .trouble"), /错误码 61004.*处理办法：.*203\.0\.113\.7/s);
  assert.match(await text(page, "#platform-saas .facts"), /需重新授权\s+4/);
  await leave(page);
};

for (const [name, options, query] of [
  ["light", { colorScheme: "light" }, ""],
  ["dark phone", { colorScheme: "dark", viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }, ""],
  ["chinese", { colorScheme: "light" }, "&lang=zh"],
  ["narrow", { colorScheme: "light", viewport: { width: 320, height: 640 } }, ""],
]) {
  checks[`the page of an account, ${name}: it fits, is accessible, and tells what came of fetches`] = async () => {
    const page = await visit(given.failing + "account?name=elsewhere" + query, options);
    await page.waitForSelector(":root.script");
    assert.match(await text(page, 'section[aria-labelledby="history"]'), query ? /失败.*进程启动后的首次获取.*invalid ip.*处理办法/s : /failed.*the first of the process.*invalid ip.*What to do/s);
    await fits(page);
    await uncovered(page);
    await accessible(page, 10);
    await leave(page);
  };
}

checks["the page of an account is one step from the first and back, and refreshes"] = async () => {
  const page = await visit(given.failing);
  await page.click("#account-shop a");
  assert.match(await text(page, "h1"), /wxproxy: shop/);
  assert.match(await text(page, 'section[aria-labelledby="history"]'), /refreshed/);
  await page.click("nav a");
  assert.match(await text(page, "h1"), /wxproxy: shop/);
  assert.match(await text(page, 'section[aria-labelledby="history"]'), /已刷新/);
  await page.click("main > p a");
  assert.equal(await page.locator("#account-shop").count(), 1);
  await leave(page);
};

checks["dark and light differ"] = async () => {
  const grounds = [];
  for (const colorScheme of ["light", "dark"]) {
    const page = await visit(given.sample, { colorScheme });
    grounds.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
    await leave(page);
  }
  assert.notEqual(grounds[0], grounds[1]);
};

checks["a failing account comes first, with its errcode and what to do"] = async () => {
  const page = await visit(given.failing);
  await page.waitForSelector(".problem");
  assert.match(await text(page, "tbody tr:nth-child(1)"), /elsewhere/);
  assert.match(await text(page, "#problem-elsewhere"), /errcode 40164.*invalid ip.*What to do: put \S+ on the IP allow-list/s);
  assert.equal(await text(page, "#headline"), "Accounts without a token: 1 of 2");
  assert.equal(await page.title(), "wxproxy (1)");
  await page.click("nav a");
  assert.match(await text(page, "#problem-elsewhere"), /错误码 40164.*处理办法：请在微信后台.*白名单/s);
  assert.equal(await text(page, "#headline"), "没有 token 的账号：1 / 2");
  await leave(page);
};

checks["pushes of the last hour are shown, what waits, and what failed and why"] = async () => {
  const page = await visit(given.sample);
  const section = 'section[aria-labelledby="pushes"]';
  assert.match(await text(page, section), /Pushes from WeChat, the last hour.*failed, .*refused.*Waiting\s+37\s+the oldest came \d+ min ago.*Not delivered\s+2\s/s);
  assert.match(await text(page, "#pushes-shop"), /shop.*18,204.*37.*2.*4\d min ago.*the program answered with status 503/s);
  assert.equal(await page.locator("#pushes-club").count(), 0);
  assert.match(await text(page, section + " table:last-of-type"), /7c1f0a9d3b5e2468ace013579bdf0246.*event:subscribe.*1,448.*0d9c8b7a.*connection refused/s);
  await page.click("nav a");
  assert.match(await text(page, section), /最近一小时的消息推送.*失败 .*等待投递\s+37.*未能投递\s+2\s/s);
  await leave(page);
};

checks["a refresh takes the key, says so when it is wrong, and keeps it for the next"] = async () => {
  const page = await visit(given.failing);
  await page.click("#refresh-shop");
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate(() => document.activeElement.id), "refresh-shop");
  assert.equal(await text(page, "#outcome"), "");
  await page.click("#refresh-shop");
  await accessible(page, 5);
  await page.keyboard.type("not the kéy 密");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.getElementById("wrong").innerText !== "");
  assert.equal(await text(page, "#wrong"), "That is not the key.");
  assert.deepEqual(page.complaints.splice(0).filter((c) => !c.includes("401")), []);
  await page.keyboard.type(given.key);
  await page.keyboard.press("Enter");
  await change(page, "#outcome", "");
  await change(page, "#outcome", "shop: asking WeChat …");
  assert.equal(await text(page, "#outcome"), "shop: WeChat was asked; the account has a good token.");
  await page.click("#refresh-elsewhere");
  await page.waitForFunction(() => document.getElementById("outcome").innerText.includes("40164"));
  assert.match(await text(page, "#outcome"), /elsewhere: not refreshed \(40164 .*put \S+ on the IP allow-list/);
  assert.deepEqual(page.complaints.splice(0).filter((c) => !c.includes("503")), []);
  const stored = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie, document.documentElement.outerHTML]));
  assert.ok(!stored.includes(given.key), "the key is left in the page");
  await leave(page);
};

checks["it refreshes itself and nobody loses their place"] = async () => {
  assert.equal((await fetch(given.call)).status, 200); // so that there are no words for no calls, which go
  const page = await visit(given.plain, { viewport: { width: 1000, height: 300 } });
  await page.fill("#q", "sho");
  await page.waitForURL(/q=sho$/);
  await page.waitForFunction(() => document.querySelectorAll('tr[id^="account-"]').length === 1);
  await page.evaluate(() => {
    scrollTo(0, 180);
    window.seen = { row: document.getElementById("account-shop"), gone: 0 };
    new MutationObserver((all) => all.forEach((m) => (window.seen.gone += m.removedNodes.length))).observe(document.body, { childList: true, subtree: true });
  });
  await page.focus("#q");
  const scrolled = await page.evaluate(() => scrollY);
  await page.keyboard.type("p");
  const before = await text(page, "#account-shop .hour");
  for (let n = 0; n < 3; n++) assert.equal((await fetch(given.call)).status, 200);
  await page.waitForFunction((n) => document.querySelector("#account-shop .hour").innerText === n, String(Number(before) + 3));
  assert.equal(await page.inputValue("#q"), "shop");
  const now = await page.evaluate(() => [document.activeElement.id, scrollY, window.seen.row === document.getElementById("account-shop"), window.seen.gone]);
  assert.deepEqual(now, ["q", scrolled, true, 0]);
  await leave(page);
};

checks["a focused row stays focused when it moves"] = async () => {
  const page = await visit(given.plain);
  await page.focus("#refresh-shop");
  await page.evaluate(() => {
    const row = document.getElementById("account-shop");
    row.parentNode.append(row); // as if it had been another place before
    document.getElementById("refresh-shop").focus();
  });
  const before = await text(page, ".facts dd");
  await change(page, ".facts dd", before);
  const now = await page.evaluate(() => [document.activeElement.id, document.querySelector('tr[id^="account-"]').id]);
  assert.deepEqual(now, ["refresh-shop", "account-shop"]);
  await leave(page);
};

checks["it rests while nobody looks"] = async () => {
  const page = await visit(given.plain);
  await page.evaluate(() => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  const before = await text(page, ".facts dd");
  await page.waitForTimeout(6000);
  assert.equal(await text(page, ".facts dd"), before);
  await page.evaluate(() => {
    delete document.hidden;
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await change(page, ".facts dd", before);
  await leave(page);
};

checks["it says when wxproxy does not answer, and when it does again"] = async () => {
  const page = await visit(given.plain);
  await page.context().setOffline(true);
  await change(page, "#lost", "");
  assert.match(await text(page, "#lost"), /does not answer/);
  await page.context().setOffline(false);
  await change(page, "#lost", await text(page, "#lost"));
  assert.equal(await text(page, "#lost"), "");
  assert.deepEqual(page.complaints.splice(0).filter((c) => !c.includes("DISCONNECTED")), []);
  await leave(page);
};

checks["after a look that took long and failed it looks again soon"] = async () => {
  const page = await visit(given.plain);
  const fails = (route) => setTimeout(() => route.abort().catch(() => {}), 2000); // 10 times that would be 20 s
  await page.route("**/", fails);
  await change(page, "#lost", "");
  await page.unroute("**/", fails);
  const began = Date.now();
  await change(page, "#lost", await text(page, "#lost"));
  assert.equal(await text(page, "#lost"), "");
  assert.ok(Date.now() - began < 12_000, `it looked again after ${Date.now() - began} ms`);
  page.complaints.length = 0; // of the look that failed
  await leave(page);
};

checks["what a refresh came to goes away"] = async () => {
  const page = await visit(given.plain);
  await page.click("#refresh-shop");
  await page.waitForFunction(() => document.getElementById("outcome").innerText.includes("good token"));
  await change(page, "#outcome", await text(page, "#outcome"));
  assert.equal(await text(page, "#outcome"), "");
  await leave(page);
};

checks["the keyboard leads everywhere"] = async () => {
  const page = await visit(given.plain);
  await tabTo(page, "nav a");
  await tabTo(page, "#q");
  await tabTo(page, "#refresh-shop");
  await page.keyboard.press("Enter");
  await change(page, "#outcome", "");
  await change(page, "#outcome", "shop: asking WeChat …");
  assert.equal(await page.evaluate(() => document.activeElement.id), "refresh-shop");
  await tabTo(page, "footer a");
  await leave(page);
};

checks["250 accounts: 200 are shown, and the box finds the others"] = async () => {
  const page = await visit(given.many);
  assert.equal(await page.locator('tr[id^="account-"]').count(), 200);
  assert.match(await text(page, ".shown"), /^200 of 250 shown/);
  await fits(page);
  await accessible(page);
  await page.fill("#q", "shop-249");
  await page.waitForFunction(() => document.querySelectorAll('tr[id^="account-"]').length === 1);
  assert.equal(await text(page, ".shown"), "1 of 250 match");
  await page.fill("#q", "nobody");
  await page.waitForSelector(".none");
  await page.fill("#q", "");
  await page.waitForFunction(() => document.querySelectorAll('tr[id^="account-"]').length === 200);
  await page.setViewportSize(phone);
  await fits(page);
  await leave(page);
};

checks["it needs no script"] = async () => {
  const page = await visit(given.many, { javaScriptEnabled: false });
  assert.equal(await page.locator('tr[id^="account-"]').count(), 200);
  assert.equal(await page.locator(".cards button:visible").count(), 0);
  await page.fill("#q", "shop-249");
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=shop-249/);
  assert.equal(await page.locator('tr[id^="account-"]').count(), 1);
  await leave(page);
};

checks["beyond loopback the browser asks for the key, and the key alone opens"] = async () => {
  const stranger = await fetch(given.public);
  assert.deepEqual([stranger.status, stranger.headers.get("www-authenticate")], [401, 'Basic realm="wxproxy", charset="UTF-8"']);
  assert.ok(!(await stranger.text()).includes("shop"));
  const page = await visit(given.public, { httpCredentials: { username: "me", password: given.key } });
  assert.equal(page.answer.status(), 200);
  page.complaints.length = 0; // of the 401 that makes the browser ask
  const before = await text(page, ".facts dd");
  await change(page, ".facts dd", before);
  await page.click("#refresh-shop"); // what the browser knows is not enough for that
  await page.waitForSelector("dialog[open]");
  await page.keyboard.type(given.key);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.getElementById("outcome").innerText.includes("good token"));
  await leave(page);
};

// Most of a check is waiting for the page to look again: some go on at a time.
const waiting = Object.entries(checks).filter(([name]) => name.includes(given.only));
let failed = 0;
async function work() {
  for (let next; (next = waiting.shift()); ) {
    const [name, check] = next;
    const began = Date.now();
    try {
      await check();
      console.log(`ok ${name} (${Date.now() - began} ms)`);
    } catch (e) {
      failed++;
      console.log(`FAIL ${name}: ${String(e.stack ?? e).replaceAll("\n", "\n  ")}`);
    }
  }
}
await Promise.all([work(), work(), work()]);
await browser.close();
rmSync(profile, { recursive: true, force: true });
process.exit(failed ? 1 : 0);
