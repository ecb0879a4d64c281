const KEY = "denoise-history";
const MOST = 24;

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]");
  } catch {
    return [];
  }
}

/** Keeps an image, the newest first; old ones go when there is no room. */
export function remember(entry) {
  let entries = [entry, ...read()].slice(0, MOST);
  while (entries.length > 0) {
    try {
      localStorage.setItem(KEY, JSON.stringify(entries));
      return;
    } catch {
      entries = entries.slice(0, -1);
    }
  }
}

/** Shows what was kept; a click brings one back. */
export function showHistory(list, onChoose) {
  list.replaceChildren(
    ...read().map((entry) => {
      const image = new Image();
      image.src = entry.source;
      image.alt = "";
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-label", `Show again: ${entry.recipe.prompt || "image"}`);
      button.append(image);
      button.addEventListener("click", () => onChoose(entry));
      const item = document.createElement("li");
      item.append(button);
      return item;
    }),
  );
}
