"use strict";
/* Sorts every table.data of the page by a click on a heading. A table with a name also has a filter of its rows, a choice
   of its columns, and exports what is shown as TSV (exact numbers) and LaTeX (numbers as printed). */

const LATEX = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}",
  ">": "\\textgreater{}", "−": "$-$", "–": "--" };
const latex = (text) => text.replace(/[\\~^<>−–]|[&%$#_{}]/g, (sign) => LATEX[sign] || "\\" + sign);

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/* The parts of a heading or cell: group or interval (in <small>), and the text beside it. */
function parts(cell) {
  const small = cell.querySelector("small")?.textContent.trim() ?? "";
  const whole = cell.textContent.trim();
  const beside = cell.tagName === "TH" ? whole.slice(small.length) : whole.slice(0, whole.length - small.length);
  return { small, text: beside.trim(), mark: cell.querySelector(".best, .second")?.className ?? "" };
}

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  const key = (row, place) => {
    const cell = row.cells[place];
    return heads[place].classList.contains("number") ? Number(cell.dataset.v ?? NaN) : parts(cell).text;
  };
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
  const sort = (place) => {
    const up = heads[place].ariaSort === "descending" || (heads[place].ariaSort === "none" && typeof key(body.rows[0], place) === "string");
    heads.forEach((head, other) => { head.ariaSort = other === place ? (up ? "ascending" : "descending") : "none"; });
    const keyed = [...body.rows].map((row) => [key(row, place), row]);
    const unknown = (value) => Number.isNaN(value) || value === "";
    keyed.sort(([a], [b]) => unknown(a) - unknown(b) || (unknown(a) ? 0 : (up ? 1 : -1) * compare(a, b)));
    body.append(...keyed.map(([, row]) => row));
  };
  heads.forEach((head, place) => {
    const button = element("button", { type: "button", onclick: () => sort(place) }, ...head.childNodes);
    head.append(button);
    head.ariaSort = "none";
  });
}

function filter(table, count) {
  const rows = [...table.tBodies[0].rows];
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const apply = (words) => {
    for (const row of rows) row.hidden = !words.every((word) => texts.get(row).includes(word));
    count.value = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
  };
  apply([]);
  const input = element("input", { type: "search" });
  input.oninput = () => apply(input.value.toLowerCase().split(/\s+/).filter(Boolean));
  return element("label", {}, "Filter ", input);
}

function columnChoice(table) {
  const groups = new Map();
  [...table.tHead.rows[0].cells].forEach((head, place) => {
    const { small, text } = parts(head);
    if (place === 0) return; /* the rows' names stay */
    if (!groups.has(small)) groups.set(small, element("fieldset", {}, element("legend", {}, small)));
    const box = element("input", { type: "checkbox", checked: !head.hidden });
    box.onchange = () => { for (const row of table.rows) row.cells[place].hidden = !box.checked; };
    groups.get(small).append(element("label", {}, box, " ", text));
  });
  const choice = element("details", {}, element("summary", {}, "Columns"), element("div", {}, ...groups.values()));
  choice.onkeydown = (event) => { if (event.key === "Escape") { choice.open = false; choice.firstChild.focus(); } };
  return choice;
}

function shown(table) {
  const rows = [...table.rows].filter((row) => !row.hidden);
  return rows.map((row) => [...row.cells].filter((cell) => !cell.hidden));
}

function tsv(table) {
  const rows = shown(table);
  const intervals = rows[0].map((_, place) => rows.slice(1).some((row) => parts(row[place]).small));
  const lines = rows.map((row, line) => row.flatMap((cell, place) => {
    const { small, text } = parts(cell);
    if (line === 0) return [small ? `${small}: ${text}` : text, ...(intervals[place] ? [`${text}, interval`] : [])];
    const value = cell.classList.contains("number") ? cell.dataset.v ?? "" : text;
    return intervals[place] ? [value, small] : [value];
  }).join("\t"));
  return lines.join("\n") + "\n";
}

function tabular(table) {
  const [head, ...rows] = shown(table);
  const line = (cells) => cells.join(" & ") + " \\\\";
  const cell = (found) => {
    const { small, text, mark } = parts(found), command = { best: "\\textbf", second: "\\underline" }[mark];
    return (command ? `${command}{${latex(text)}}` : latex(text)) + (small ? ` {\\scriptsize (${latex(small)})}` : "");
  };
  const align = head.map((found) => (found.classList.contains("number") ? "r" : "l")).join("");
  const headings = head.map((found) => latex(Object.values(parts(found)).slice(0, 2).filter(Boolean).join(": ")));
  return [`\\begin{tabular}{${align}}`, "\\toprule", line(headings), "\\midrule",
    ...rows.map((row) => line(row.map(cell))), "\\bottomrule", "\\end{tabular}", ""].join("\n");
}

function exporter(table, label, suffix, write) {
  return element("button", { type: "button", onclick: () => {
    const address = URL.createObjectURL(new Blob([write(table)], { type: "text/plain;charset=utf-8" }));
    element("a", { href: address, download: table.dataset.name + suffix }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  } }, label);
}

for (const table of document.querySelectorAll("table.data")) {
  if (!table.tBodies[0].rows.length) continue;
  if (table.dataset.name) {
    const count = element("output"), wide = table.closest(".wide");
    const tools = [filter(table, count), count, columnChoice(table)];
    tools.push(exporter(table, "Save TSV", ".tsv", tsv), exporter(table, "Save LaTeX", ".tex", tabular));
    wide.before(element("div", { className: "tools" }, ...tools));
  }
  sortable(table);
}
