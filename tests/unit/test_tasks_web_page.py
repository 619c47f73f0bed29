"""The maintenance page as visitors get it, and the parameters that it accepts."""

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from pydantic import ValidationError

from stopgap.tasks.web.page import FOLDER, configuration, pages
from stopgap.tasks.web.params import Params

FULL = {
    "contact": "noc@example.jp",
    "site": "Books & Tea <Nagoya>",
    "since": "2026-11-23T09:05+09:00",
    "next_word": "2026-11-23T06:00Z",
    "message": {"en": "Orders are <b>safe</b>.\n\nThe shop\nis open.", "ja": "ご注文は正常に受け付けております。"},
}
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Outline(HTMLParser):
    """Collects the elements, their attributes, and whether they nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(first: str, **params: object) -> str:
    return pages(Params.model_validate({**FULL, **params})).files[f"{FOLDER}/maintenance.{first}.html"]


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    elements = Outline(page("en")).elements
    assert not {"script", "img", "link", "iframe", "form", "object"} & {tag for tag, _ in elements}
    attributes = {name for _, attrs in elements for name in attrs}
    assert not {name for name in attributes if name.startswith("on") or name in {"src", "style", "http-equiv"}}
    targets = {attrs["href"] for _, attrs in elements if "href" in attrs}
    assert targets == {"#ja", "mailto:noc@example.jp"}
    assert "url(" not in page("en")
    assert "@import" not in page("en")


@pytest.mark.parametrize(("first", "second"), [("en", "ja"), ("ja", "en")])
def test_a_visitors_own_language_comes_first_and_each_part_names_its_own(first: str, second: str) -> None:
    outline = Outline(page(first))
    assert outline.open == []
    parts = [attrs["lang"] for tag, attrs in outline.elements if tag in {"html", "section"}]
    assert parts == [first, first, second]
    tags = [tag for tag, _ in outline.elements]
    assert [tags.count(t) for t in ("main", "header", "h1", "h2")] == [1, 1, 1, 1]
    ids = {attrs["id"] for _, attrs in outline.elements if "id" in attrs}
    for tag, attrs in outline.elements:
        if tag == "section":
            assert attrs["aria-labelledby"] in ids


def test_moments_are_given_in_the_zone_that_the_operator_wrote() -> None:
    text = page("en")
    assert '<time datetime="2026-11-23T09:05+09:00">23 November 2026, 09:05 (JST)</time>' in text
    assert "2026年11月23日 09:05（日本時間）" in text
    assert '<time datetime="2026-11-23T06:00+00:00">23 November 2026, 06:00 (UTC)</time>' in text


def test_the_operators_words_are_text_in_paragraphs_and_never_markup() -> None:
    text = page("en")
    assert '<p class="said">Orders are &lt;b&gt;safe&lt;/b&gt;.</p>' in text
    assert '<p class="said">The shop\nis open.</p>' in text
    assert "Books &amp; Tea &lt;Nagoya&gt;" in text
    assert "<b>" not in text


def test_words_in_one_language_do_not_show_in_the_other() -> None:
    text = page("en", message={"ja": "日本語だけ"})
    assert text.count("日本語だけ") == 1
    assert text.index('id="ja"') < text.index("日本語だけ")


def test_the_page_says_nothing_of_the_cause() -> None:
    bare = pages(Params(contact="noc@example.jp")).files
    for text in bare.values():
        assert not re.search("hack|intru|compromis|attack|breach|stopgap|apache|侵入|攻撃|不正", text, re.IGNORECASE)
        assert "noc@example.jp" in text
        assert "None" not in text


def test_a_page_without_a_contact_names_nobody_to_write_to() -> None:
    for content in pages(Params()).files.values():
        assert "Contact" not in content
        assert "お問い合わせ" not in content
        assert "None" not in content
    assert Outline(pages(Params()).files[f"{FOLDER}/maintenance.en.html"]).open == []


def test_programs_get_both_languages_as_plain_text() -> None:
    text = pages(Params.model_validate(FULL)).files[f"{FOLDER}/maintenance.txt"]
    assert "Orders are <b>safe</b>." in text
    assert "Since: 23 November 2026, 09:05 (JST)" in text
    assert "次のお知らせ：2026年11月23日 06:00（UTC）" in text
    assert "\n\n\n" not in text


def test_other_words_make_another_revision_and_the_same_words_the_same() -> None:
    first, again = pages(Params.model_validate(FULL)), pages(Params.model_validate(FULL))
    other = pages(Params.model_validate({**FULL, "next_word": "2026-11-23T07:00Z"}))
    assert first == again
    assert first.revision != other.revision
    assert all(f'content="{first.revision}"' in text for path, text in first.files.items() if path.endswith(".html"))


def test_one_language_alone_makes_one_page_without_a_way_to_another() -> None:
    files = pages(Params(contact="noc@example.jp", languages=("ja",))).files
    assert set(files) == {f"{FOLDER}/maintenance.{form}" for form in ("ja.html", "txt", "json")}
    assert "<nav" not in files[f"{FOLDER}/maintenance.ja.html"]
    assert "Accept-Language" not in configuration(Params(contact="noc@example.jp", languages=("ja",)))


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_and_links_have_the_contrast_that_wcag_asks_for_in_light_and_dark() -> None:
    palettes = [
        dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", p)) for p in re.findall(r":root \{(.*?)\}", page("en"), re.S)
    ]
    assert len(palettes) == 2
    for palette in palettes:
        for text, ground in (
            ("ink", "sheet"),
            ("soft", "sheet"),
            ("soft", "ground"),
            ("link", "sheet"),
            ("link", "ground"),
        ):
            bright, dark = sorted((_luminance(palette[text]), _luminance(palette[ground])), reverse=True)
            assert (bright + 0.05) / (dark + 0.05) >= 4.5, (text, ground, palette)


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"contact": "nobody"}, "contact"),
        ({"contact": 'a@example.jp"><script>'}, "contact"),
        ({"contact": "a@example.jp\n"}, "contact"),
        ({"mode": "letter", "error_document_url": 'http://example.jp/"\nRedirect 200 /'}, "error_document_url"),
        ({"mode": "letter", "error_document_url": "http://example.jp/%{env:HOME}"}, "error_document_url"),
        ({"error_document_url": "http://example.jp/info.html"}, "belongs to `mode: letter`"),
        ({"since": "2026-11-23T09:05"}, "timezone"),
        ({"retry_after": "0s"}, "retry_after"),
        ({"languages": ["en", "en"]}, "named twice"),
        ({"languages": ["de"]}, "languages"),
    ],
)
def test_a_wrong_parameter_is_refused(params: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Params.model_validate({"contact": "noc@example.jp", **params})


def test_retry_after_is_given_to_apache_in_seconds() -> None:
    params = Params.model_validate({"contact": "noc@example.jp", "retry_after": timedelta(hours=2)})
    assert "Retry-After 7200\n" in configuration(params)


def test_the_page_says_when_it_is_renewed_whom_to_call_and_what_became_of_orders() -> None:
    more = {"updates": "90m", "telephone": "+81 (3) 1234-5678", "orders": "checking", "payments": "stopped"}
    shown = pages(Params.model_validate({"contact": "noc@example.jp", **more})).files
    text, html = shown[f"{FOLDER}/maintenance.txt"], shown[f"{FOLDER}/maintenance.ja.html"]
    assert "Next update: at least every 90 minutes" in text
    assert "次のお知らせ：90分ごとに更新します" in text
    assert '<a href="tel:+81312345678">+81 (3) 1234-5678</a>' in html
    for language in ("Please do not place an order again.", "お支払いの受け付けを停止しております"):
        assert language in text
        assert language in html
    assert all(len(content.encode()) < 10_000 for content in shown.values())
    later = Params.model_validate({**more, "next_word": "2026-11-23T06:00Z"})
    assert "at least" not in pages(later).files[f"{FOLDER}/maintenance.txt"]
