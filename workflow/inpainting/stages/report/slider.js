"use strict";
/* Shows one frame of two methods, the right one from the divider on. The divider is a range input, so keys move it, too. */
const get = (id) => document.getElementById(id);
const { names, frames, first, images } = JSON.parse(get("images").textContent);

function show() {
  const place = Number(get("frame").value);
  for (const [image, side] of [["under", "left"], ["over", "right"]]) {
    get(image).src = images[get(side).selectedIndex][place];
    get(image).alt = `${names[get(side).selectedIndex]}, frame ${frames[place]}`;
  }
  get("number").value = frames[place];
}

["left", "right"].forEach((side, number) => {
  get(side).append(...names.map((name, place) => new Option(name, place, place === first[number], place === first[number])));
  get(side).onchange = show;
});
get("frame").max = frames.length - 1;
get("frame").oninput = show;
get("divider").oninput = () => get("compare").style.setProperty("--at", `${get("divider").value}%`);
get("compare").hidden = false;
show();
