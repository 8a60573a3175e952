// What renews itself waits while somebody is at it: a question that is open, a link that has the focus.
document.body.addEventListener("htmx:beforeRequest", (event) => {
  const part = event.detail.elt;
  if (!part.matches("[data-gentle]")) return;
  const isBusy = part.contains(document.activeElement) || part.querySelector("details[open]") !== null;
  if (document.hidden || isBusy) event.preventDefault();
});
