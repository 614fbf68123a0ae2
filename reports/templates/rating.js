const form = document.getElementById("form");
const state = document.getElementById("state");
const rater = document.getElementById("rater");
const fields = [...document.querySelectorAll("fieldset")];
const place = `finkd-${document.body.dataset.form}`;
const grade = (field) => field.querySelector("input:checked");

// A page that is closed by accident loses nothing, where the browser keeps what files from the disk store.
const kept = (() => {
  try {
    return JSON.parse(localStorage.getItem(place)) ?? {};
  } catch {
    return {};
  }
})();
rater.value = kept.rater ?? "";
for (const field of fields) {
  const before = kept.ratings?.[field.dataset.item]?.[field.dataset.criterion];
  const input = field.querySelector(`input[value="${Number(before)}"]`);
  if (input) input.checked = true;
}

function collected() {
  const ratings = {};
  for (const field of fields) {
    const input = grade(field);
    if (input) (ratings[field.dataset.item] ??= {})[field.dataset.criterion] = Number(input.value);
  }
  return { form: document.body.dataset.form, rater: rater.value.trim(), ratings };
}

function show() {
  const left = fields.filter((field) => !grade(field)).length;
  state.textContent = left ? `${left} of ${fields.length} grades ${left === 1 ? "is" : "are"} missing.` : "All grades are there.";
}

form.addEventListener("input", (event) => {
  event.target.closest("fieldset")?.classList.remove("missing");
  try {
    localStorage.setItem(place, JSON.stringify(collected()));
  } catch {
    // grades are still saved by the button
  }
  show();
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const missing = fields.filter((field) => !grade(field));
  for (const field of missing) field.classList.add("missing");
  if (missing.length) {
    show();
    missing[0].scrollIntoView({ block: "center" });
    return;
  }
  const result = collected();
  if (!result.rater) {
    state.textContent = "Please write your name.";
    rater.focus();
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(result, null, 1)], { type: "application/json" }));
  link.download = `ratings-${result.form}-${result.rater.replace(/\W+/g, "-")}.json`;
  link.click();
  state.textContent = `Saved as ${link.download}. Thank you!`;
});
show();
