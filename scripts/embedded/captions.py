"""What an image shows and what it is called: objects, colours, counts, sizes, places, styles and backgrounds."""

import json
import random
import re
from dataclasses import dataclass, field
from pathlib import Path

COLOURS: dict[str, list[int]] = json.loads(Path(__file__).with_name("colours.json").read_text())
STYLES = [entry["style"] for entry in json.loads(Path(__file__).with_name("sets.json").read_text())]
COUNTS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}
FILLERS = "cute nice beautiful lovely pretty simple shiny little funny new old good happy fresh".split()
PREFIXES = ["picture of", "image of", "drawing of", "emoji of", "icon of", "an image of", "a picture of", "a drawing of"]
UNKNOWN_CONCEPT = "red question mark"
"""What a prompt of which no word is known is drawn as."""

LAYOUTS = {
    1: [(64, 64)],
    2: [(34, 64), (94, 64)],
    3: [(64, 36), (34, 92), (94, 92)],
    4: [(34, 34), (94, 34), (34, 94), (94, 94)],
    5: [(26, 26), (102, 26), (64, 64), (26, 102), (102, 102)],
    6: [(24, 40), (64, 40), (104, 40), (24, 88), (64, 88), (104, 88)],
}
SCALES = {1: 1.0, 2: 0.5, 3: 0.46, 4: 0.46, 5: 0.36, 6: 0.33}
PLACES = {
    "on the left": (34, 64),
    "on the right": (94, 64),
    "at the top": (64, 34),
    "at the bottom": (64, 94),
    "in the top left corner": (34, 34),
    "in the top right corner": (94, 34),
    "in the bottom left corner": (34, 94),
    "in the bottom right corner": (94, 94),
}
SIZES = {"small": 0.5, "tiny": 0.34, "big": 1.14, "large": 1.14, "huge": 1.14}
BESIDE, ABOVE = [(34, 64), (94, 64)], [(64, 33), (64, 95)]
RELATIONS = [
    ("{a} and {b}", BESIDE, 6),
    ("{a} with {b}", BESIDE, 2),
    ("{a} next to {b}", BESIDE, 2),
    ("{a} beside {b}", BESIDE, 2),
    ("{a} to the left of {b}", BESIDE, 1),
    ("{a} to the right of {b}", BESIDE[::-1], 1),
    ("{a} above {b}", ABOVE, 1),
    ("{a} on top of {b}", ABOVE, 2),
    ("{a} on {b}", ABOVE, 1),
    ("{a} below {b}", ABOVE[::-1], 1),
    ("{a} under {b}", ABOVE[::-1], 1),
]
IRREGULAR = dict(
    mouse="mice", goose="geese", wolf="wolves", leaf="leaves", knife="knives", foot="feet", tooth="teeth", loaf="loaves",
    person="people", child="children", man="men", woman="women", ox="oxen", fish="fish", sheep="sheep", deer="deer",
    bison="bison", moose="moose", shrimp="shrimp", squid="squid", swan="swans", elf="elves", bread="breads",
)


@dataclass
class Layer:
    sprite: int
    x: float
    y: float
    scale: float
    colour: tuple[float, float, float] | None = None
    """The colour that the drawing is given, 0..255; None leaves its own."""


@dataclass
class Scene:
    caption: str
    layers: list[Layer] = field(default_factory=list)
    ground: str = "plain"
    """plain, gradient (the first colour above, the second below) or striped (upright, the two in turn)."""
    colours: tuple[tuple, tuple] = ((255, 255, 255), (255, 255, 255))


def plural(noun: str) -> str:
    """The plural of a name, of its noun before "of" or "with"."""
    head, joint, rest = re.match(r"(.*?)( of | with | in | without | on |$)(.*)", noun).groups()
    first, last = head.rpartition(" ")[0], head.rpartition(" ")[2]
    if last in IRREGULAR:
        last = IRREGULAR[last]
    elif re.search(r"[^s]s$", last):
        pass
    elif re.search(r"(s|x|z|ch|sh)$", last) or last in ("potato", "tomato", "mango", "volcano"):
        last += "es"
    elif re.search(r"[^aeiou]y$", last):
        last = last[:-1] + "ies"
    else:
        last += "s"
    return f"{first} {last}".strip() + joint + rest


def article(noun: str) -> str:
    return "an" if noun[:1] in "aeiou" else "a"


class Captions:
    """Scenes by chance, each from a generator of its own, so that scene number i of a seed is always the same."""

    def __init__(self, folder: Path):
        self.concepts = json.loads((folder / "concepts.json").read_text())
        unknown = json.loads((folder / "unknown.json").read_text())
        self.unknown = [word for place, word in enumerate(unknown) if place % 20]
        """One in twenty is kept for the evaluation."""
        for concept in self.concepts:
            concept["bare"] = without_colour(concept["name"])
        used: dict[str, int] = {}
        named = {text for c in self.concepts for text in (c["name"], c["bare"], *c["aliases"])}
        for concept in self.concepts:
            for word in {concept["name"], concept["bare"], *concept["aliases"], *concept["words"]}:
                used[word] = used.get(word, 0) + 1
        self.concept_weights = [concept["weight"] for concept in self.concepts]
        for concept in self.concepts:
            # a keyword that is another thing's name (a wheel's "car") says little about this one
            concept["word_weights"] = [(0.03 if word in named else 1) / used[word] for word in concept["words"]]
            concept["alias_weights"] = [1 / used[word] ** 0.5 for word in concept["aliases"]]
        everyday = re.compile(r"^(animal|plant|food|drink|transport|clothing|musical|tool|household|sport|game|place-building|sky|heart)")
        self.objects = [c for c in self.concepts if c["weight"] == 1 and everyday.match(c["subgroup"])]
        self.question = next(c for c in self.concepts if c["name"] == UNKNOWN_CONCEPT)

    def words(self) -> list[str]:
        """Every word that a caption of something known is made of."""
        texts = [text for c in self.concepts for text in (c["name"], c["bare"], *c["aliases"], *c["words"], *c["kinds"])]
        texts += [plural(c["bare"]) for c in self.objects] + [plural(c["name"]) for c in self.objects]
        texts += [*COLOURS, *COUNTS.values(), *map(str, COUNTS), *PLACES, *SIZES, *FILLERS, *PREFIXES, *(r[0] for r in RELATIONS), *STYLES]
        texts += ["the background light dark striped stripes gradient style an a pair of gray"]
        return [word for text in texts for word in re.findall(r"[^\W_]+", text.replace("{a}", "").replace("{b}", ""))]

    def scene(self, seed: int, number: int) -> Scene:
        rng = random.Random(seed * 1_000_000_007 + number)
        kind = rng.random()
        if kind < 0.66:
            scene = self.single(rng)
        elif kind < 0.78:
            scene = self.several(rng)
        elif kind < 0.945:
            scene = self.pair(rng)
        elif kind < 0.955:
            scene = Scene("")
        else:
            scene = self.not_known(rng)
        styled = self.in_style(rng, scene)
        self.on_ground(rng, scene, bare=not scene.layers)
        if styled and rng.random() < 0.8:
            scene.caption += styled
        if rng.random() < 0.05 and scene.layers:
            scene.caption = self.with_stranger(rng, scene.caption)
        scene.caption = scene.caption.strip()
        return scene

    def single(self, rng: random.Random) -> Scene:
        concept = rng.choices(self.concepts, self.concept_weights)[0]
        noun, colour, scale, place, spot = "", None, 1.0, "", (64, 64)
        if rng.random() < 0.18:
            concept = rng.choice(self.objects) if rng.random() < 0.7 else concept
            said, colour = some_colour(rng)
            noun = f"{said} {self.short_noun(rng, concept)}"
        else:
            noun = self.noun(rng, concept)
        if rng.random() < 0.09:
            if rng.random() < 0.5:
                place, spot = rng.choice(list(PLACES.items()))
                scale = 0.5
                if rng.random() < 0.4:
                    noun = f"small {noun}"
            else:
                size, scale = rng.choice(list(SIZES.items()))
                noun = f"{size} {noun}"
        text = with_article(rng, noun)
        if rng.random() < 0.05:
            text = f"{noun} emoji" if rng.random() < 0.3 else f"{rng.choice(PREFIXES)} {text}"
        return Scene(f"{text} {place}".strip(), [self.layer(rng, concept, spot, scale, colour)])

    def several(self, rng: random.Random) -> Scene:
        concept = rng.choice(self.objects if rng.random() < 0.85 else self.concepts)
        count = rng.choices([2, 3, 4, 5, 6], [5, 4, 3, 1, 1])[0]
        noun = plural(self.short_noun(rng, concept))
        colour = None
        if rng.random() < 0.2:
            said, colour = some_colour(rng)
            noun = f"{said} {noun}"
        number = COUNTS[count] if rng.random() < 0.85 else str(count)
        if count == 2 and rng.random() < 0.1:
            number = "a pair of"
        one = self.layer(rng, concept, (0, 0), SCALES[count], colour)
        layers = [Layer(one.sprite, x, y, one.scale, colour) for x, y in LAYOUTS[count]]
        return Scene(f"{number} {noun}", layers)

    def pair(self, rng: random.Random) -> Scene:
        both, nouns, colours = [], [], []
        for _ in range(2):
            concept = rng.choice(self.objects) if rng.random() < 0.75 else rng.choices(self.concepts, self.concept_weights)[0]
            noun, colour = self.short_noun(rng, concept), None
            if rng.random() < 0.2:
                said, colour = some_colour(rng)
                noun = f"{said} {noun}"
            both.append(concept), nouns.append(noun), colours.append(colour)
        pattern, spots, _ = rng.choices(RELATIONS, [weight for _, _, weight in RELATIONS])[0]
        if rng.random() < 0.5:
            nouns = [f"{article(noun)} {noun}" for noun in nouns]
        layers = [self.layer(rng, c, spot, 0.5, colour) for c, spot, colour in zip(both, spots, colours)]
        return Scene(pattern.format(a=nouns[0], b=nouns[1]), layers)

    def not_known(self, rng: random.Random) -> Scene:
        """Words that mean nothing to the model are drawn as a question mark."""
        text = " ".join(self.stranger(rng) for _ in range(rng.choices([1, 2, 3], [5, 4, 1])[0]))
        return Scene(with_article(rng, text), [self.layer(rng, self.question, (64, 64), 1.0, None)])

    def stranger(self, rng: random.Random) -> str:
        if rng.random() < 0.15:
            return "".join(rng.choice("bcdfghjklmnprstvwz") + rng.choice("aeiou") for _ in range(rng.randint(2, 4)))
        return rng.choice(self.unknown)

    def with_stranger(self, rng: random.Random, caption: str) -> str:
        """One more word, which changes nothing."""
        words = caption.split()
        words.insert(rng.randint(0, min(2, len(words))), rng.choice(FILLERS) if rng.random() < 0.5 else self.stranger(rng))
        return " ".join(words)

    def noun(self, rng: random.Random, concept: dict) -> str:
        chance = rng.random()
        if chance < 0.55:
            return concept["name"]
        if chance < 0.8 and concept["aliases"]:
            return in_number(rng, rng.choices(concept["aliases"], concept["alias_weights"])[0])
        if chance < 0.84 and concept["kinds"]:
            return in_number(rng, rng.choice(concept["kinds"]))
        if not concept["words"]:
            return concept["name"]
        words = rng.choices(concept["words"], concept["word_weights"], k=2)
        return " ".join(words) if chance > 0.97 and words[0] != words[1] else in_number(rng, words[0])

    def short_noun(self, rng: random.Random, concept: dict) -> str:
        """A name that takes a colour or a number: "apple", not "red apple"."""
        if concept["aliases"] and rng.random() < 0.3:
            return without_colour(rng.choices(concept["aliases"], concept["alias_weights"])[0])
        return concept["bare"]

    def layer(self, rng, concept: dict, spot: tuple[int, int], scale: float, colour) -> Layer:
        style = rng.choice(list(concept["sprites"]))
        return Layer(concept["sprites"][style], *spot, scale, colour)

    def in_style(self, rng: random.Random, scene: Scene) -> str:
        """Draws all of the scene in one style, and now and then says so."""
        if not scene.layers:
            return ""
        concepts = [self.of_sprite(layer.sprite) for layer in scene.layers]
        shared = [style for style in STYLES if all(style in c["sprites"] for c in concepts)]
        if not shared or (len(set(map(id, concepts))) == 1 and len(scene.layers) == 1 and rng.random() < 0.7):
            return ""
        style = rng.choice(shared)
        for layer, concept in zip(scene.layers, concepts):
            layer.sprite = concept["sprites"][style]
        return rng.choice([f" in {style} style", f" in {style} style", f", {style} style"]) if rng.random() < 0.5 else ""

    def of_sprite(self, sprite: int) -> dict:
        if not hasattr(self, "owners"):
            self.owners = {i: c for c in self.concepts for i in c["sprites"].values()}
        return self.owners[sprite]

    def on_ground(self, rng: random.Random, scene: Scene, bare: bool) -> None:
        chance = rng.random()
        if chance < 0.5 and not bare:
            return
        said, colour = some_colour(rng)
        other, second = some_colour(rng)
        while other == said:
            other, second = some_colour(rng)
        if chance < 0.85:
            scene.colours = (colour, colour)
            said = rng.choices([f"on {article(said)} {said} background", f"on {said}", f"with {article(said)} {said} background", f", {said} background"], [8, 1, 1, 1])[0]
        elif chance < 0.925:
            scene.ground, scene.colours = "gradient", (colour, second)
            said = f"on {article(said)} {said} {rng.choice(['to', 'and'])} {other} gradient" + rng.choice(["", " background"])
        else:
            scene.ground, scene.colours = "striped", (colour, second)
            said = rng.choice([f"on {article(said)} {said} and {other} striped background", f"on {said} and {other} stripes"])
        scene.caption = said.removeprefix("on ").removeprefix(", ") if bare else f"{scene.caption} {said}".replace(" ,", ",")


def some_colour(rng: random.Random) -> tuple[str, tuple]:
    name = rng.choice(list(COLOURS))
    colour, chance = COLOURS[name], rng.random()
    if chance < 0.1 and name not in ("white", "black"):
        mix, tone, said = (255, 0.5, "light") if chance < 0.05 else (0, 0.4, "dark")
        return f"{said} {name}", tuple(c + (mix - c) * tone for c in colour)
    return ("gray" if name == "grey" and chance > 0.5 else name), tuple(colour)


def in_number(rng: random.Random, noun: str) -> str:
    """Now and then a name of one word in the plural: what "noodles" shows, "noodle" shows."""
    if " " in noun or rng.random() > 0.1:
        return noun
    return noun.removesuffix("s") if re.search(r"[^s]s$", noun) else plural(noun)


def with_article(rng: random.Random, noun: str) -> str:
    chance = rng.random()
    return noun if chance < 0.6 else f"the {noun}" if chance < 0.65 else f"{article(noun)} {noun}"


def without_colour(name: str) -> str:
    words = [word for word in name.split() if word not in COLOURS and word not in ("light", "dark")]
    return " ".join(words) or name
