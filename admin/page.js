// The page as it is without this script is complete. This keeps it up to date,
// without anybody losing their place, and has tokens refreshed.
"use strict";

const pause = 5000; // between two looks
const patience = 15000; // for an answer
const reading = 7000; // what a refresh came to
const main = document.getElementById("main");
const lost = document.getElementById("lost");
const outcome = document.getElementById("outcome");
const dialog = document.getElementById("ask");
const base = location.origin + location.pathname; // without what a browser's user may have put before the host

document.documentElement.classList.add("script");

// morph makes the element old like fresh and leaves alone what is equal, so that
// focus, scrolling and what somebody types survive. Elements with an id are known by it.
function morph(old, fresh) {
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const wanted = new Set(Array.from(fresh.children, (child) => child.id));
  for (const child of [...old.children]) if (child.id && !wanted.has(child.id)) child.remove();
  const known = new Map(Array.from(old.children, (child) => [child.id, child]));
  let at = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const same = child.id ? known.get(child.id) : at && !at.id && at.nodeName === child.nodeName ? at : null;
    if (!same) {
      old.insertBefore(document.importNode(child, true), at);
      continue;
    }
    if (same === at) at = at.nextSibling;
    else old.insertBefore(same, at);
    if (same.nodeType === Node.ELEMENT_NODE) morph(same, child);
    else if (same.data !== child.data) same.data = child.data;
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

let timer = 0;
let asking = null; // what ends the look under way

// look replaces what has changed. A page that takes long is looked at less often;
// one that did not come is looked for again soon, however long it was waited for.
async function look() {
  clearTimeout(timer);
  asking?.abort();
  if (document.hidden) return;
  const mine = (asking = new AbortController());
  const began = performance.now();
  let took = 0;
  const late = setTimeout(() => mine.abort(), patience);
  try {
    const answer = await fetch(base + location.search, { signal: mine.signal });
    if (!answer.ok) throw new Error(answer.statusText);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    show(fresh);
    took = performance.now() - began;
    lost.textContent = "";
  } catch {
    if (mine === asking) lost.textContent = lost.dataset.words;
  }
  clearTimeout(late);
  if (mine === asking) timer = setTimeout(look, Math.max(pause, 10 * took));
}

function show(fresh) {
  const focused = document.activeElement;
  morph(main, fresh.getElementById("main"));
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
  if (document.title !== fresh.title) document.title = fresh.title;
  const icon = 'link[rel="icon"]';
  const href = fresh.querySelector(icon).getAttribute("href");
  if (document.querySelector(icon).getAttribute("href") !== href) document.querySelector(icon).setAttribute("href", href);
}

let key = ""; // never stored, and gone with the page

// askKey resolves to what somebody typed, or to "".
function askKey(wrong) {
  const input = document.getElementById("key");
  document.getElementById("wrong").textContent = wrong ? document.getElementById("wrong").dataset.words : "";
  input.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "refresh" ? input.value : "");
      input.value = "";
    }, { once: true });
  });
}

let clearing = 0;

// tell shows words about a refresh, for good or for as long as they take to read.
function tell(words, lasts) {
  clearTimeout(clearing);
  outcome.textContent = words;
  if (!lasts) clearing = setTimeout(() => (outcome.textContent = ""), reading);
}

// post asks for something that may take the key, in an account's name. It resolves to the
// answer, or to nothing if somebody would rather not show the key.
async function post(name, path) {
  for (let wrong = false; ; wrong = true) {
    if (!key && "needed" in dialog.dataset && !(key = await askKey(wrong))) return undefined;
    tell(name + ": " + outcome.dataset.asking, true); // until the answer
    const answer = await fetch(new URL("accounts/" + name + path, base), {
      method: "POST",
      headers: key ? { Authorization: "Bearer " + encodeKey(key) } : {},
    });
    if (answer.status !== 401 && !(answer.status === 403 && key)) return answer;
    key = ""; // it is wrong, or the one for reading
    tell("");
  }
}

// remedyOf says what was wrong and what to do about it.
function remedyOf(why) {
  return " (" + [why.errcode || "", why.errmsg].join(" ").trim() + "). " + (document.documentElement.lang === "en" ? why.remedy : why.remedy_zh);
}

// refresh has WeChat asked for an account's token and says what came of it.
async function refresh(name) {
  const say = (words) => tell(name + ": " + words);
  const answer = await post(name, "/refresh");
  if (!answer) return;
  const told = await answer.json();
  const why = told.last_error;
  if (answer.ok && !why) say(told.asked ? outcome.dataset.done : outcome.dataset.unasked);
  else if (why) say(outcome.dataset.refused + remedyOf(why));
  else say(answer.status === 503 ? outcome.dataset.slow : outcome.dataset.refused + ": " + (told.error ?? answer.status));
  return look();
}

// quote has WeChat asked about a call and shows what it knows.
async function quote(name, rid) {
  const answer = await post(name, "/rid/" + rid);
  if (!answer) return;
  const told = await answer.json();
  if (!answer.ok) return tell(rid + ": " + told.error + (told.errmsg ? remedyOf(told) : ""), true);
  tell("");
  const list = document.getElementById("told");
  const { request } = told;
  const facts = { at: request.invoke_time, cost: request.cost_in_ms + " ms", ip: request.client_ip, url: request.request_url, body: request.request_body, answer: request.response_body };
  list.replaceChildren();
  for (const [fact, text] of Object.entries(facts)) {
    list.append(document.createElement("dt"), document.createElement("dd"));
    list.children[list.children.length - 2].textContent = list.dataset[fact];
    list.lastChild.textContent = text || "–";
  }
  document.getElementById("call").showModal();
}

// encodeKey makes a key fit for a header, which takes bytes: those of UTF-8.
function encodeKey(text) {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

const underWay = new Set(); // what was asked for and is not answered, by account or rid

main.addEventListener("click", async (event) => {
  const { account, of, rid } = event.target.closest("button[data-account], button[data-rid]")?.dataset ?? {};
  const what = rid ?? account;
  if (!what || underWay.has(what)) return;
  underWay.add(what);
  try {
    await (rid ? quote(of, rid) : refresh(account));
  } catch {
    tell(what + ": " + lost.dataset.words);
  }
  underWay.delete(what);
});

// filter looks for what stands in the box, as the form without a script would.
function filter() {
  const search = new URLSearchParams(location.search);
  search.set("q", document.getElementById("q").value);
  if (!search.get("q")) search.delete("q");
  history.replaceState(null, "", String(search) ? "?" + search : location.pathname);
  look();
}

let typing = 0;

main.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(filter, 150);
});
main.addEventListener("submit", (event) => {
  event.preventDefault();
  filter();
});
document.addEventListener("visibilitychange", () => document.hidden || look());
timer = setTimeout(look, pause);
