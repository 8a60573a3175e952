// Keeps the calls current without touching what somebody is at: open forms, chosen options, the focus.
// The server draws them; here the parts whose data-state has changed are put in their places.
const live = document.getElementById("live");
const said = document.getElementById("live-said");

function renew(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  old.replaceChildren(...fresh.childNodes);
  old.dataset.state = fresh.dataset.state;
  htmx.process(old);
  if (focused) document.getElementById(focused)?.focus();
}

function refresh(old, fresh) {
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const known = old.querySelector(`[data-part="${part.dataset.part}"]`);
    if (known && known.dataset.state !== part.dataset.state) renew(known, part);
  }
}

function isBusy(article) {
  return article.contains(document.activeElement) || article.querySelector("details[open]") !== null;
}

function leave(article) {
  if (!isBusy(article)) return article.remove();
  const state = article.querySelector('[data-part="state"]');
  const badge = document.createElement("span");
  badge.className = "badge";
  badge.textContent = "No longer in progress";
  state.replaceChildren(badge);
  state.dataset.state = "gone";
}

function merge(fresh) {
  const list = live.querySelector("[data-list]");
  const wanted = [...fresh.querySelectorAll("article")];
  const ids = new Set(wanted.map((article) => article.id));
  for (const article of list.querySelectorAll("article")) if (!ids.has(article.id)) leave(article);
  let before = list.firstElementChild;
  for (const article of wanted) {
    const known = document.getElementById(article.id);
    if (known) {
      refresh(known, article);
      before = known.nextElementSibling;
    } else {
      list.insertBefore(article, before);
      htmx.process(article);
    }
  }
  const count = fresh.querySelector('[data-part="count"]');
  renew(live.querySelector('[data-part="count"]'), count);
}

function parsed(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content;
}

let pressed = "";

document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt !== live) pressed = document.activeElement.id;
  if (event.detail.elt === live && document.hidden) event.preventDefault();
});

document.body.addEventListener("htmx:afterRequest", (event) => {
  const { elt, successful, xhr } = event.detail;
  if (!live.contains(elt)) return;
  if (elt === live) {
    if (successful) merge(parsed(xhr.responseText));
    return;
  }
  const fresh = successful ? parsed(xhr.responseText).querySelector("article") : null;
  // Refused: the next look at the calls says what has become of it.
  if (!fresh) return htmx.trigger(live, "look");
  refresh(document.getElementById(fresh.id), fresh);
  // A button that is disabled meanwhile loses the focus.
  if (document.activeElement === document.body) document.getElementById(pressed)?.focus();
  said.textContent = fresh.querySelector('[data-part="state"]').textContent.trim().replace(/\s+/g, " ");
});

function clock(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

setInterval(() => {
  for (const time of live.querySelectorAll("[data-seconds]")) {
    time.dataset.seconds = Number(time.dataset.seconds) + 1;
    time.textContent = clock(Number(time.dataset.seconds));
  }
}, 1000);
