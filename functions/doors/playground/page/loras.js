import { $, make } from "./dom.js";

/** Shows the LoRAs that the server has for a model, each with its weight. */
export function showLoras({ loras = [] }) {
  const before = readLoras();
  $("loras").hidden = loras.length === 0;
  $("lora-list").replaceChildren(...loras.map((name) => {
    const { weight } = before.find((one) => one.name === name) ?? {};
    const box = make("input", { type: "checkbox", value: name, checked: weight !== undefined });
    const number = make("input", { type: "number", min: "-2", max: "2", step: "0.05" });
    number.value = String(weight ?? 1);
    number.setAttribute("aria-label", `Weight of ${name}`);
    number.oninput = () => box.checked = true;
    return make("div", {}, make("label", { className: "check" }, box, ` ${name}`), number);
  }));
}

/** The LoRAs that are chosen. */
export function readLoras() {
  return [...$("lora-list").children].flatMap((row) => {
    const [box, weight] = row.querySelectorAll("input");
    return box.checked ? [{ name: box.value, weight: Number(weight.value) }] : [];
  });
}

/** Chooses these LoRAs, and no others. */
export function putLoras(loras) {
  for (const row of $("lora-list").children) {
    const [box, weight] = row.querySelectorAll("input");
    const found = loras.find(({ name }) => name === box.value);
    box.checked = found !== undefined;
    weight.value = String(found?.weight ?? 1);
  }
}
