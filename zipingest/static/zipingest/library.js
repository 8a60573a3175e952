// The library's list: which rows are selected, what the folded choices hold, where the focus goes.

const results = () => document.getElementById("results");
const boxes = () => [...document.querySelectorAll('#selection input[name="uuid"]')];

function showSelection() {
  const [all, chosen] = [boxes(), boxes().filter((box) => box.checked)];
  const master = document.querySelector("[data-all]");
  if (!master) return;
  document.querySelector("[data-all-label]").hidden = false;
  master.checked = all.length > 0 && chosen.length === all.length;
  master.indeterminate = chosen.length > 0 && !master.checked;
  document.querySelector("[data-count]").textContent = `${chosen.length} selected`;
  document.querySelector("[data-export]").disabled = chosen.length === 0;
}

function showChosen(choices) {
  const chosen = [...choices.querySelectorAll("input:checked")];
  const [first] = chosen;
  const words = chosen.length > 1 ? `${chosen.length} chosen` : first?.parentElement.textContent.trim();
  choices.querySelector("[data-chosen]").textContent = words || "Any";
}

function find(field) {
  const wanted = field.value.trim().toLowerCase();
  for (const label of field.parentElement.querySelectorAll("label")) {
    label.hidden = !label.textContent.toLowerCase().includes(wanted);
  }
}

function fold(except) {
  for (const choices of document.querySelectorAll("[data-choices][open]")) {
    if (!choices.contains(except)) choices.open = false;
  }
}

function markPlaying(uuidPath) {
  for (const row of document.querySelectorAll("[data-playable]")) {
    const isPlaying = row.querySelector(`[hx-get="${uuidPath}"]`) !== null;
    row.toggleAttribute("data-playing", isPlaying);
  }
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-all]")) for (const box of boxes()) box.checked = event.target.checked;
  if (event.target.closest("#selection")) showSelection();
  const choices = event.target.closest("[data-choices]");
  if (choices) showChosen(choices);
});

document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-find]")) return;
  find(event.target);
});

document.addEventListener("click", (event) => {
  fold(event.target);
  if (event.target.closest("[data-close]")) {
    document.getElementById("player").replaceChildren();
    markPlaying("");
  }
});

document.addEventListener("focusin", (event) => fold(event.target));

document.addEventListener("keydown", (event) => {
  const choices = event.key === "Escape" && event.target.closest?.("[data-choices][open]");
  if (!choices) return;
  choices.open = false;
  choices.querySelector("summary").focus();
});

// What is typed to find a choice is no part of the filter.
document.addEventListener(
  "change",
  (event) => event.target.matches("[data-find]") && event.stopImmediatePropagation(),
  true,
);

document.addEventListener("htmx:afterSwap", (event) => {
  const { target } = event.detail;
  if (target?.id === "player") markPlaying(event.detail.pathInfo.requestPath);
  if (!target || target !== results()) return;
  if (event.detail.requestConfig.elt.closest("nav, [rel]")) results().focus({ preventScroll: true });
});

// Now, and again where htmx has put something in.
function setUp() {
  for (const field of document.querySelectorAll("[data-find]")) field.hidden = false;
  showSelection();
}
setUp();
document.addEventListener("htmx:load", setUp);
