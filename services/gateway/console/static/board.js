// Dragging a version on the stage board. A drop opens the forecast of that move and promotes nothing by itself.
// Every move has a button as well: nothing needs a pointer.

let moves = null;
const board = () => document.getElementById("board");
const says = (words) => { document.getElementById("board-says").textContent = words; };
const targetOf = (event) => {
  const stage = event.target.closest?.("[data-stage]");
  return stage && moves?.[stage.dataset.stage] ? stage : null;
};

function show() {
  for (const stage of board().querySelectorAll("[data-stage]")) {
    stage.classList.toggle("can-take", Boolean(moves?.[stage.dataset.stage]));
    stage.classList.toggle("cannot-take", Boolean(moves) && !moves[stage.dataset.stage]);
    stage.classList.remove("would-take");
  }
}

document.addEventListener("dragstart", (event) => {
  const card = event.target.closest?.("[data-moves]");
  if (!card) return;
  moves = JSON.parse(card.dataset.moves);
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", card.dataset.version);
  const stages = Object.keys(moves);
  says(stages.length ? `${card.dataset.version} can go to ${stages.join(" or ")}.` : `${card.dataset.version} can go nowhere.`);
  show();
});

document.addEventListener("dragover", (event) => {
  const stage = targetOf(event);
  if (!stage) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "move";
  if (!stage.classList.contains("would-take")) { show(); stage.classList.add("would-take"); }
});

document.addEventListener("drop", (event) => {
  const stage = targetOf(event);
  if (!stage) return;
  event.preventDefault();
  window.location.assign(moves[stage.dataset.stage]);
});

document.addEventListener("dragend", () => { moves = null; show(); });
document.addEventListener("hallmark:refreshed", () => { if (moves) show(); });
