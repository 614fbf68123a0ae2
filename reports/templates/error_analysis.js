const form = document.getElementById("filters");
const articles = [...document.querySelectorAll("article")];
const has = (list, value) => !value || list.split("|").includes(value);

function show() {
  const wanted = Object.fromEntries(new FormData(form));
  let count = 0;
  for (const article of articles) {
    const { kinds, types, unseen, split, beside, words } = article.dataset;
    const fits =
      has(kinds, wanted.kind) &&
      has(types, wanted.type) &&
      (!wanted.beside || beside === wanted.beside) &&
      (!wanted.unseen || unseen === "1") &&
      (!wanted.split || split === "1") &&
      Number(words) >= Number(wanted.from || 0) &&
      Number(words) <= Number(wanted.to || Infinity);
    article.hidden = !fits;
    count += fits;
  }
  document.getElementById("count").value = `${count} of ${articles.length} sentences`;
}

for (const event of ["input", "change"]) form.addEventListener(event, show);
form.addEventListener("submit", (event) => event.preventDefault());
show();
