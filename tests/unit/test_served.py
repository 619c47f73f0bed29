"""Signs of web shells in PHP: what a file is looked at for first leaves out nothing that the whole look finds."""

from __future__ import annotations

import base64
import codecs
import random

import pytest

from stopgap.orchestrator.findings.provenance.served import _MAY_BE_PUT_TOGETHER, _put_together, signs_of_php

WAYS = {
    "joined": "$f = 'sys' . 'tem';",
    "joined without blanks": '$f = "sys"."tem";',
    "joined around a blank of Latin-1": "$f = 'sys'\xa0.\x0b'tem';",
    "in hexadecimal": r'$f = "\x73\x79\x73\x74\x65\x6d";',
    "in octal": r'$f = "\163\171\163\164\145\155";',
    "letter by letter": "$f = chr(115).chr(0x79) . CHR ( 115 ).chr(116).chr(101).chr(109);",
    "backwards": "$f = strrev('metsys');",
    "backwards in capitals": "$f = strrev('METSYS');",
    "rotated": f"$f = str_rot13('{codecs.encode('system', 'rot13')}');",
    "in base64": f"$f = base64_decode('{base64.b64encode(b'system').decode()}');",
    "in base64 with capitals": f'$f = base64_decode("{base64.b64encode(b"SyStem").decode()}");',
    "in padded base64": f"$f = base64_decode('{base64.b64encode(b'eval').decode()}');",
}


@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)
def test_names_that_are_put_together_are_read(how: str) -> None:
    assert any("puts names together" in sign.text for sign in signs_of_php(f"<?php {how} $f($x);".encode("latin-1")))


@pytest.mark.parametrize(
    "plain", ["system('ls');", "$a = 'system';", "$a = 'one' . $b . \"two\";", "echo 'UGxhaW4gdGV4dA==';"]
)
def test_a_plain_file_is_not_looked_at_string_by_string(plain: str) -> None:
    assert _MAY_BE_PUT_TOGETHER.search(f"<?php {plain}".encode()) is None


def test_whatever_is_put_together_passes_the_first_look() -> None:
    chance = random.Random(15)
    parts = [
        "'",
        '"',
        ".",
        " ",
        "\xa0",
        "\\",
        "x65",
        "145",
        "chr(101)",
        "chr",
        "(",
        "metsys",
        "ZXZhbA==",
        "riny",
        "eval",
        "sys",
        "tem",
        "$_",
    ]
    found = 0
    for _ in range(20_000):
        source = "".join(chance.choices(parts, k=chance.randint(3, 24)))
        if _put_together(source):
            found += 1
            assert _MAY_BE_PUT_TOGETHER.search(source.encode("latin-1")), source
    assert found > 100
