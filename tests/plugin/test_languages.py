"""The plugin in other languages than English: pages, failures, the editor's and the settings' scripts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from intranet.wordpress import WordPress
from plugin.scripted_sidecar import ScriptedSidecar, problem
from plugin.support import ask, descriptor

#: A language, how its pages ask to log in, and how its editor offers to choose a folder.
WORDS = {
    "ja": ("ja-JP", "Box のファイルを表示するにはログインしてください。", "フォルダを選択", "エクスプローラー"),
    "de_DE": ("de-DE", "Bitte melden Sie sich an, um Ihre Box-Dateien zu sehen.", "Ordner auswählen", "Box-Explorer"),
    "fr_FR": ("fr-FR", "Veuillez vous connecter pour voir vos fichiers Box.", "Choisir un dossier", "Explorateur Box"),
    "es_ES": ("es-ES", "Accede para ver tus archivos de Box.", "Elegir carpeta", "Explorador de Box"),
    "pt_BR": ("pt-BR", "Acesse sua conta para ver seus arquivos do Box.", "Escolher pasta", "Explorador do Box"),
}


@pytest.fixture(params=sorted(WORDS))
def language(request: pytest.FixtureRequest, site: WordPress) -> Iterator[str]:
    """The site in another language."""
    site.php("update_option( 'WPLANG', $data['language'] );", language=request.param)
    yield request.param
    site.php("delete_option( 'WPLANG' );")


def test_page_speaks_it(site: WordPress, sidecar: ScriptedSidecar, language: str) -> None:
    elements, log_in, _, _ = WORDS[language]
    address = site.php(
        "echo get_permalink( wp_insert_post( array( 'post_status' => 'publish', 'post_title' => 'T',"
        " 'post_content' => '[box_explorer]' ) ) );"
    )
    html = site.visitor().get(address).raise_for_status().text
    found = re.search(r'id="widgets-for-box-configuration">(.*?)</script>', html, re.DOTALL)
    assert found
    configuration = json.loads(found[1])
    assert configuration["text"]["loggedOut"] == log_in
    assert configuration["locale"] == elements
    assert f"/{elements}/" in configuration["elements"]


def test_failure_speaks_it(site: WordPress, sidecar: ScriptedSidecar, language: str) -> None:
    widget = descriptor(site, "[box_explorer]")
    sidecar.answer = lambda request: problem(404, "user_not_found")
    message = ask(site.login("nora"), widget).json()["message"]
    assert message
    assert "There is no Box account" not in message


@pytest.mark.parametrize("language", ["ja"], indirect=True)
def test_editor_speaks_it(site: WordPress, language: str) -> None:
    _, _, choose, title = WORDS[language]
    html = site.login("admin").get("/wp-admin/post-new.php").raise_for_status().text
    for words in (choose, title):
        assert words in html or json.dumps(words)[1:-1] in html


@pytest.mark.parametrize("language", ["ja"], indirect=True)
def test_settings_speak_it(site: WordPress, sidecar: ScriptedSidecar, language: str) -> None:
    html = site.login("admin").get("/wp-admin/options-general.php?page=widgets-for-box").raise_for_status().text
    assert ">Which Box user someone is<" not in html
    assert ">Try as this user<" not in html
    assert "widgets-for-box-admin-js-translations" in html
