"""Captions as diffusers cleans them where bs4 and ftfy are installed, which the reference is not given: all else is compared
without them.

    pip install --target /tmp/cleaning beautifulsoup4==4.15.0 ftfy==6.3.1
    PYTHONPATH=/tmp/cleaning .reference/bin/python scripts/reference/caption_goldens.py

Without them the goldens stay as they are. The first captions are written by hand, the others put together at random.
"""

import json
import pathlib
import random
import warnings

from diffusers import IFPipeline

OUT = pathlib.Path("plugins/foundations/captions/testdata/captions.json")
BY_HAND = [
    "A <b>Red</b> APPLE!! https://shop.com/apple_01.jpg #12345", "<person> and <PERSON> at www.x.ru/page_2 ",
    "this-is-my-cute-cat_pic", "Free shipping worldwide, worldwide free shipping!", "@user hi @user.name",
    "&lt;b&gt;bold&lt;/b&gt; &amp; &quot;x&quot; &eacute; &#233; &#x1F600; &nbsp;", "日本の猫 cat ㊗ カ ﾀｰﾝ",
    "„quoted“ «x» ‘y’ “z” `w´ ¨", "jc6640 jc6640vc 6640vc231 j2d1a2a3", "10x20 3.5x4 5х6 7×8 cm",
    "1.2.3.4 and 999.999.999.999", "12:30 ", "line\\nbreak\nreal\tbreak", '***AUSVERKAUFT*** !!! ... """x"""',
    "photo.jpg my photo.JPEG image.png images png images", "page 12 of page 3", "click here click for more click on it",
    '"quoted whole"', "'a'", ":-leading trailing-", ".hidden", "a%20b+c%C3%A9%ff%41",
    "<script>alert(1)</script>x<style>y</style>z", "<!-- c -->a<!doctype html>b<![cdata[q]]>d<?pi?>e",
    "a < b > c <3 <a href='x'>y</a", "&unknown; &copy &reg; &notit; &amp;lt;", "x & y &# z; <b>q</b>", "é e\u0301 ﬁ ﬂ Ǆ ĳ",
    "ＷＩＤＥ　ｔｅｘｔ", "\x1b[31mred\x1b[0m \x07 \ufeff \u200b \u206a", "ß İ Σίσυφος ΣΑΣ", "a—b–c―d−e",
    "word,word/word.word 3,4", "   ", "", "🙂 emoji 👩‍👩‍👧", "<br/>x<br>y</p>z<p>w", "<ruby>漢<rt>kan</rt></ruby>r",
    "$100 & 50% off #tag #123 #1234 #123456 1234567", "e.g. a . b  .  c", "http://a.b/c?d=e&f=g end", "mail me@x.com now",
    "a\u2028b\x1cd", "'_-:;x_", "&#128; &#0; &#xD800; &#1; &#x110000; &#13;", '<div class="a>b" x>t</div>', "<a/b>c",
    "</ a>x</>y</3>z", "<b", "a&", "a&b", "&#38", "&#x26;lt;", "Ã© â€™s", "schÃ¶n",
]
PIECES = (
    '<b> </b> <a_href="x"> </a> < &amp; & &#39; &eacute; &lt; &gt; <script> </script> <!-- --> <br/> http://x.com/a www.y.ru '
    'a.jpg _ - — " \' “ ’ #123 #12345 123456 1.2.3.4 10x20 shipping download click page png @n %20 + . ... , / : cat Dog jc6640 '
    "12ab34 é ﬁ 猫 Ａ ß Я © ( ) [ ] { | \\ * ~ º ² ½ \\n € 1:23 x 5 <person> &quot; &nbsp; ٣ ª ö ا क"
).split(" ")


def main() -> None:
    warnings.filterwarnings("ignore")
    try:
        import bs4  # noqa: F401
        import ftfy  # noqa: F401
        from ftfy.badness import is_bad
    except ImportError:
        print("captions.json is left as it is: bs4 and ftfy are not there")
        return
    random.seed(0)
    spaces = ["", "", " ", "  ", "\n"]
    made = ["".join(random.choice(PIECES) + random.choice(spaces) for _ in range(random.randint(1, 12))) for _ in range(240)]
    pipe = IFPipeline.__new__(IFPipeline)
    process = lambda text: IFPipeline._text_preprocessing(pipe, text, clean_caption=True)[0]
    # those that ftfy would decode again are told of, and left as they are
    cases = [[text, None if is_bad(text.lower()) else process(text)] for text in BY_HAND + made]
    OUT.parent.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
    OUT.write_text('{"made_with":"diffusers 0.42.1, bs4 4.15.0, ftfy 6.3.1","cases":[\n' + lines + "\n]}\n")


if __name__ == "__main__":
    main()
