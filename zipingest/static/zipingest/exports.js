// The fields of the order form that take several choices: what they have chosen, and how they close.
const say = (picker) => {
  const chosen = [...picker.querySelectorAll(".options input:checked")].map((box) => box.parentElement.textContent.trim());
  const few = chosen.length <= 2 ? chosen.join(", ") : `${chosen.length} chosen`;
  picker.querySelector("[data-chosen]").textContent = few || picker.dataset.any;
};
for (const picker of document.querySelectorAll(".picker")) {
  say(picker);
  picker.addEventListener("change", () => say(picker));
  picker.addEventListener("toggle", () => picker.open && picker.querySelector("[type=search]").focus());
  picker.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !picker.open) return;
    picker.open = false;
    picker.querySelector("summary").focus();
  });
}
const closeOthers = (event) => {
  for (const picker of document.querySelectorAll(".picker[open]")) {
    if (!picker.contains(event.target)) picker.open = false;
  }
};
document.addEventListener("click", closeOthers);
document.addEventListener("focusin", closeOthers);
// Enter in the field of a value counts the recordings; it does not order them.
document.getElementById("id_custom_value")?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  event.target.dispatchEvent(new Event("change", { bubbles: true }));
});
