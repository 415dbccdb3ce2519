"""The person's language, not the site's: what the site tells the page about it. The page itself is everybody's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from intranet.wordpress import WordPress
from plugin.scripted_sidecar import ScriptedSidecar, problem
from plugin.support import ROUTE, descriptor

HEADER = "Box-Language"
CHOOSE = "update_user_meta( get_user_by( 'login', $data['login'] )->ID, 'locale', $data['locale'] );"


@pytest.fixture
def kenji(site: WordPress) -> Iterator[httpx.Client]:
    """Kenji, who has chosen Japanese on his profile page."""
    site.php(CHOOSE, login="kenji", locale="ja")
    yield site.login("kenji")
    site.php(CHOOSE, login="kenji", locale="")


def language(session: httpx.Client, accepted: str | None = None) -> str | None:
    """What a page learns with the nonce."""
    headers = {"Accept-Language": accepted} if accepted is not None else {}
    answer = session.get("/wp-admin/admin-ajax.php", params={"action": "rest-nonce"}, headers=headers)
    assert re.fullmatch(r"\w{10}", answer.text)
    assert "no-cache" in answer.headers["Cache-Control"]
    told: str | None = answer.headers.get(HEADER)
    return told


def configuration(site: WordPress, session: httpx.Client, **headers: str) -> dict[str, object]:
    """What the loader reads in a page."""
    address = site.php(
        "$page = get_page_by_path( 'spoken', OBJECT, 'post' );"
        " echo get_permalink( $page ? $page : wp_insert_post( array( 'post_status' => 'publish',"
        " 'post_title' => 'spoken', 'post_name' => 'spoken', 'post_content' => '[box_picker]' ) ) );"
    )
    html = session.get(address, headers=headers).raise_for_status().text
    found = re.search(r'id="widgets-for-box-configuration">(.*?)</script>', html, re.DOTALL)
    assert found
    read: dict[str, object] = json.loads(found[1])
    return read


def test_language_of_the_profile_comes_first(site: WordPress, kenji: httpx.Client) -> None:
    assert language(kenji, "de-DE,de;q=0.9") == "ja-JP/ja"


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt-BR/pt_BR"),
        ("pt-PT", "pt-BR/pt_BR"),
        ("de-CH", "de-DE/de_DE"),
        ("en-GB,en;q=0.9", "en-GB/en_US"),
        ("JA", "ja-JP/ja"),
        ("de;q=0.2,fr;q=0.9", "fr-FR/fr_FR"),
        ("el,he;q=0.9,es-MX;q=0.5", "es-ES/es_ES"),  # The first of which there is anything.
        ("it", "it-IT/"),  # Box speaks it; the page keeps its own sentences.
        ("zh-Hant-HK", "zh-TW/"),
        ("zh-Hans", "zh-CN/"),
        ("de;q=0,ja", "ja-JP/ja"),
        ("el", None),
        ("*", None),
        ("", None),
        ("../../x, de_DE, <b>, " + "x" * 3000, None),
    ],
)
def test_else_the_language_of_the_browser(site: WordPress, accepted: str, expected: str | None) -> None:
    assert language(site.login("ana"), accepted) == expected


def test_nobody_else_is_told_anything(site: WordPress) -> None:
    answer = site.visitor().get("/wp-admin/admin-ajax.php?action=rest-nonce", headers={"Accept-Language": "ja"})
    assert HEADER not in answer.headers


def test_page_is_the_same_in_whatever_language_people_read(
    site: WordPress, sidecar: ScriptedSidecar, kenji: httpx.Client
) -> None:
    accepted = {"Accept-Language": "pt-BR"}
    pages = [configuration(site, session, **accepted) for session in (kenji, site.login("ana"), site.visitor())]
    pages.append(configuration(site, site.visitor()))
    assert all(page == pages[0] for page in pages)
    assert pages[0]["language"] == "en-US/en_US"
    assert "{locale}" in str(pages[0]["elementsIn"])


def test_texts_are_there_for_each_language_and_for_every_cache(site: WordPress, sidecar: ScriptedSidecar) -> None:
    page = configuration(site, site.visitor())
    address = str(page["textsIn"])
    assert urlsplit(address).netloc == ""
    english = site.visitor().get(address.replace("{locale}", "en_US")).raise_for_status().json()
    assert english["text"] == page["text"]
    assert english["picker"] == page["picker"]
    for locale, log_in in (("ja", "ログイン"), ("pt_BR", "Acessar"), ("de_DE", "Anmelden")):
        answers = [
            session.get(address.replace("{locale}", locale)).raise_for_status()
            for session in (site.visitor(), site.login("ana"))
        ]
        for answer in answers:
            assert answer.headers["Cache-Control"] == "public, max-age=86400"
            assert "Set-Cookie" not in answer.headers
        assert answers[0].json() == answers[1].json()
        said = answers[0].json()
        assert said["text"].keys() == english["text"].keys()
        assert said["labels"].keys() == english["labels"].keys()
        assert said["text"]["logIn"] == log_in
        assert said["rtl"] is False


@pytest.mark.parametrize("locale", ["xx", "tlh_KL", "de", "..%2f..%2fde_DE", "de_DE.mo", "%7Blocale%7D"])
def test_no_other_texts_than_there_are(site: WordPress, locale: str) -> None:
    answer = site.visitor().get(f"/wp-json/widgets-for-box/v1/texts/{locale}")
    assert answer.status_code == 404
    assert "max-age=86400" not in answer.headers.get("Cache-Control", "")


@pytest.mark.parametrize("how", ["body", "query", "list"])
def test_the_address_alone_says_whose_texts_are_kept(site: WordPress, how: str) -> None:
    """A cache that tells query or body not apart would hand the wrong language to everybody."""
    body = json.dumps({"locale": "fr_FR", "_fields": "text"}) if how == "body" else ""
    query = {"query": {"locale": "fr_FR"}, "list": {"locale[]": "x"}}.get(how, {})
    answer = site.visitor().request(
        "GET",
        "/wp-json/widgets-for-box/v1/texts/de_DE",
        params={"ver": "1"} | query,
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 200
    assert answer.json()["text"]["logIn"] == "Anmelden"
    assert "public" not in answer.headers["Cache-Control"]


def test_other_routes_stay_out_of_all_caches(site: WordPress) -> None:
    for route in ("widgets-for-box/v1/token", "widgets-for-box/v1/TEXTS/../token"):
        answer = site.visitor().post(f"/wp-json/{route}", json={})
        assert "no-store" in answer.headers["Cache-Control"], route


def test_failure_is_told_in_the_language_of_the_person(
    site: WordPress, sidecar: ScriptedSidecar, kenji: httpx.Client
) -> None:
    widget = descriptor(site, "[box_explorer]")
    sidecar.answer = lambda request: problem(404, "user_not_found")

    def told(session: httpx.Client, accepted: str) -> str:
        nonce = session.get("/wp-admin/admin-ajax.php?action=rest-nonce").text
        headers = {"X-WP-Nonce": nonce, "Accept-Language": accepted}
        answer = session.post(f"/wp-json/{ROUTE}", json={"widget": widget}, headers=headers)
        assert answer.status_code == 404
        return str(answer.json()["message"])

    assert "アカウント" in told(kenji, "de")
    ana = site.login("ana")
    assert "Box-Konto" in told(ana, "de")
    assert "no Box account" in told(ana, "el")
    assert "no Box account" in told(ana, "en")

    # What an administrator does about it comes from the sidecar, and in the same language.
    sidecar.answer = lambda request: problem(503, "busy", "Ask again in a moment.")
    site.php(CHOOSE, login="admin", locale="ja")
    try:
        headers = {"X-WP-Nonce": site.login("admin").nonce()}
        answer = site.login("admin").post(f"/wp-json/{ROUTE}", json={"widget": widget}, headers=headers)
        assert answer.json()["data"]["fix"] == "少し待ってからもう一度要求してください。"
    finally:
        site.php(CHOOSE, login="admin", locale="")


def test_language_that_only_the_site_has_added(site: WordPress, sidecar: ScriptedSidecar) -> None:
    """A translation in WordPress' own folder, from right to left; Box has none."""
    folder = site.content / "languages" / "plugins"
    folder.mkdir(exist_ok=True)
    (folder / "widgets-for-box-he_IL.mo").write_bytes(
        (site.content / "plugins/widgets-for-box/languages/widgets-for-box-ja.mo").read_bytes()
    )
    try:
        assert language(site.login("ana"), "he") == "en-US/he_IL"
        said = site.visitor().get("/wp-json/widgets-for-box/v1/texts/he_IL").raise_for_status().json()
        assert said["rtl"] is True
    finally:
        (folder / "widgets-for-box-he_IL.mo").unlink()
