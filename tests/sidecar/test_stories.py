"""The story of one token, step by step in this process: what comes from where, what is asked of Box, what is held."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from box_sidecar.issuer import Issued
from box_sidecar.model import Path, Resource, Subject, User
from box_sidecar.problems import BoxReason, Problem
from box_sidecar.revocation import RevocationLog
from box_sidecar.settings import CacheSettings, PolicySettings, Settings
from sidecar.scripted_box import DENIED, DOWN, LOGINS, ROOT, UNKNOWN_SUBJECT_TOKEN, ScriptedBox, Stage

ANA = Subject("login", LOGINS[0])
FILE = Resource("file", "7")
RECEIPTS = Path("folder", "0", ("Receipts", "2026"))


def settings(cache: dict[str, Any] | None = None, **policy: Any) -> Settings:
    return Settings(policy=PolicySettings(**policy), cache=CacheSettings(**(cache or {})))


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def issue(stage: Stage, refused: str | None = None, subject: Subject = ANA) -> Issued:
    return stage.run(stage.service.issuer.issue(subject, "explorer", (), ROOT, refused))


def calls(stage: Stage) -> dict[str, int]:
    """What Box was asked since the last time."""
    asked = dict(stage.world.calls)
    stage.world.calls.clear()
    return asked


@contextlib.contextmanager
def refusal(code: str) -> Any:
    with pytest.raises(Problem) as caught:
        yield caught
    assert caught.value.code == code


def test_a_first_token_is_minted_and_the_next_is_the_same() -> None:
    with Stage() as stage:
        first = issue(stage)
        assert (first.source, first.user.login, first.key.user_id) == ("mint", LOGINS[0], "1")
        assert (first.key.element, first.key.scopes, first.key.resource) == ("explorer", ("base_explorer",), ROOT)
        assert first.token.scopes == ("base_explorer",)
        assert stage.world.made["token 1"].resource == ROOT
        assert calls(stage) == {"find": 1, "user_token": 1, "downscope": 1}
        assert issue(stage) == first._replace(source="hit")
        assert stage.service.issuer.recall(ANA, "explorer", (), ROOT) == first._replace(source="hit")
        assert stage.service.issuer.recall(Subject("login", LOGINS[0].upper()), "explorer", (), ROOT)
        assert calls(stage) == {}


def test_what_is_not_in_memory_is_not_recalled_and_policy_holds_for_what_is() -> None:
    with Stage() as stage:
        recall = stage.service.issuer.recall
        assert recall(ANA, "explorer", (), ROOT) is None
        issue(stage)
        assert recall(ANA, "explorer", ("item_share",), ROOT) is None
        assert recall(ANA, "picker", (), ROOT) is None
        with refusal("scope_not_allowed"):
            recall(ANA, "explorer", ("root_readwrite",), ROOT)
        with refusal("element_not_allowed"):
            recall(ANA, "anything", (), ROOT)
        with refusal("invalid_request"):
            recall(ANA, "explorer", (), FILE)
        assert calls(stage) == {"find": 1, "user_token": 1, "downscope": 1}


def test_widgets_of_one_page_share_the_user_token_for_five_minutes() -> None:
    with Stage() as stage:
        stage.token(LOGINS[0])
        calls(stage)
        stage.token(LOGINS[0], "item_share")
        assert calls(stage) == {"downscope": 1}
        stage.loop.advance(301)
        stage.token(LOGINS[0], "item_upload")
        assert calls(stage) == {"user_token": 1, "downscope": 1}


def test_all_who_ask_at_once_are_one_flight() -> None:
    with Stage() as stage:
        stage.world.is_patient = True
        tasks = [stage.begin(stage.service.issuer.issue(ANA, "explorer", (), ROOT)) for _ in range(5)]
        for _ in range(3):
            assert len(stage.world.waiting) == 1
            stage.world.answer()
            stage.loop.settle()
        assert len({task.result().token for task in tasks}) == 1
        assert calls(stage) == {"find": 1, "user_token": 1, "downscope": 1}
        stage.world.is_patient = False


def test_what_is_not_the_same_is_not_one_flight() -> None:
    with Stage() as stage:
        for login in LOGINS:
            stage.run(stage.service.users.lookup(Subject("login", login)))
        stage.world.is_patient = True
        tasks = [
            stage.begin(stage.service.issuer.issue(Subject("login", login), "explorer", features, ROOT))
            for login in LOGINS
            for features in ((), ("item_share",))
        ]
        stage.world.is_patient = False
        while stage.world.waiting:
            stage.world.answer()
        stage.loop.settle()
        found = [task.result() for task in tasks]
        assert len({issued.token for issued in found}) == 6
        for issued in found:
            made = stage.world.made[issued.token.secret.reveal()]
            assert (made.user_id, made.scopes) == (issued.user.id, issued.key.scopes)


def test_what_can_not_be_thrown_away_at_once_is_answered_all_the_same_and_told_later() -> None:
    with Stage() as stage:
        stage.run(stage.service.users.lookup(ANA))
        for call in ("user_token", "downscope"):
            stage.world.is_patient = True
            asking = stage.begin(stage.service.issuer.issue(ANA, "explorer", (), ROOT))
            if call == "downscope":
                stage.world.answer()
                stage.loop.settle()
            stage.world.fails["revoke"] = DOWN
            stage.world.is_patient = False
            with contextlib.suppress(Problem):
                stage.revoke()
            stage.world.answer()
            stage.loop.settle()
            with refusal("tokens_revoked"):
                asking.result()
            assert stage.service.cache.pending_revocations.of("1")
            stage.world.fails.clear()
            for _ in range(3):
                stage.loop.advance(31)
            assert stage.world.living() == set(), "the user token included"


def test_each_revocation_is_an_epoch_of_its_own() -> None:
    log = RevocationLog(2, 600.0)
    since = log.is_revoked_since
    epochs = [log.revocation_epoch]
    for name in ("ana", "kenji"):
        log.mark([name])
        epochs.append(log.revocation_epoch)
    assert epochs == [0, 1, 2]
    assert since(0, ["ana"]) and since(0, ["kenji"]) and since(1, ["kenji"]) and not since(1, ["ana"])
    log.mark(["ana"])  # again: it is the last one now, and no third
    assert since(2, ["ana"]) and not since(2, ["kenji"]) and since(1, ["kenji"]) and not since(0, ["olga"])
    log.mark(["ines"])  # no room for kenji's
    assert since(1, ["olga"]) and not since(2, ["olga"])
    log.mark_all()
    assert log.revocation_epoch == 5
    assert since(4, ["olga"]) and not since(5, ["olga"])


def test_a_caller_who_goes_away_leaves_the_flight_to_the_others() -> None:
    with Stage() as stage:
        stage.world.is_patient = True
        first, second = (stage.begin(stage.service.issuer.issue(ANA, "explorer", (), ROOT)) for _ in range(2))
        first.cancel()
        stage.world.is_patient = False
        stage.world.answer()
        stage.loop.settle()
        assert first.cancelled() and second.result().source == "mint"


@pytest.mark.parametrize("name", ["downscope", "user_token"])
def test_without_box_what_has_not_ended_is_served_and_nothing_else(name: str) -> None:
    with Stage(settings({"refresh_ahead_s": 0.0})) as stage:
        token = stage.token()
        stage.loop.advance(3_500)
        stage.world.fails[name] = stage.world.fails["find"] = DOWN
        found = issue(stage)
        assert (found.token.secret.reveal(), found.source) == (token, "stale")
        assert (found.user.login, found.key.user_id) == (LOGINS[0], "1")
        with refusal("box_unavailable"):
            issue(stage, refused=digest(token))
        stage.loop.advance(100)
        with refusal("box_unavailable"):
            issue(stage)


def test_without_box_a_person_is_who_they_were() -> None:
    with Stage(settings({"user_ttl_s": 300.0})) as stage:
        stage.token()
        stage.loop.advance(301)
        stage.world.fails |= {"find": DOWN, "get": DOWN}
        assert issue(stage).source == "hit"
        for subject in (Subject("id", "1"), Subject("login", LOGINS[1])):
            with refusal("box_unavailable"):
                issue(stage, subject=subject)
        stage.world.fails["find"] = DENIED
        with refusal("box_refused"):
            issue(stage)


def test_a_refusal_of_boxs_is_told_and_nothing_stale_is_served() -> None:
    with Stage(settings({"refresh_ahead_s": 0.0})) as stage:
        stage.token()
        stage.loop.advance(3_500)
        stage.world.fails["downscope"] = DENIED
        with refusal("box_refused"):
            issue(stage)


def test_no_answer_has_less_life_than_min_life_s_nor_is_a_token_kept_that_has_less_at_once() -> None:
    with Stage(settings({"min_life_s": 120.0, "refresh_ahead_s": 0.0})) as stage:
        first = stage.token()
        stage.loop.advance(3_480)
        assert stage.token() == first, "just enough"
        stage.loop.advance(1)
        assert stage.token() != first
        stage.world.life_s = 119.0
        with refusal("box_refused") as caught:
            stage.token(LOGINS[1])
        assert caught.value.detail == "Box issues tokens of 119 s, less than cache.min_life_s."
        assert caught.value.fix == "Set cache.min_life_s lower than the life of Box's tokens."
        stage.world.life_s = 120.0
        assert stage.source(LOGINS[1]) == "mint"


def test_a_token_that_box_refused_is_replaced_once_for_all_who_say_so() -> None:
    with Stage() as stage:
        first = issue(stage).token.secret.reveal()
        assert issue(stage, digest("another")).source == "hit"
        second = issue(stage, digest(first))
        assert second.source == "mint" and second.token.secret.reveal() != first
        assert issue(stage, digest(first)) == second._replace(source="hit")
        assert stage.revoke() == 3, "both, and the user token"
        assert stage.world.living() == set()


# Renewal


def test_a_token_in_use_is_renewed_ahead_and_then_only_if_it_is_used_again() -> None:
    with Stage(settings({"refresh_ahead_s": 600.0})) as stage:
        first = stage.token()
        stage.loop.advance(2_999)
        assert stage.renewals == [] and stage.token() == first
        calls(stage)
        stage.loop.advance(2)
        assert stage.renewals == ["renewed"]
        assert calls(stage) == {"find": 1, "user_token": 1, "downscope": 1}
        stage.loop.advance(3_001)
        assert stage.renewals == ["renewed"], "nobody has used it since"
        second = stage.token()
        assert second != first, "somebody comes late, and does not wait"
        assert stage.renewals == ["renewed"]
        stage.loop.settle()
        assert stage.renewals == ["renewed"] * 2 and stage.token() not in {first, second}


def test_a_short_life_is_renewed_at_half_time() -> None:
    with Stage(settings({"refresh_ahead_s": 3_500.0})) as stage:
        stage.token()
        stage.loop.advance(1_799)
        assert stage.renewals == []
        stage.loop.advance(2)
        assert stage.renewals == ["renewed"]


@pytest.mark.parametrize("name", ["find", "user_token", "downscope"])
def test_a_renewal_that_box_could_not_answer_is_tried_again_in_half_a_minute(name: str) -> None:
    with Stage() as stage:
        first = stage.token()
        stage.world.fails[name] = DOWN
        stage.loop.advance(3_001)
        assert stage.renewals == ["box_unavailable"]
        stage.loop.advance(29)
        assert stage.token() == first and stage.renewals == ["box_unavailable"]
        stage.world.fails.clear()
        stage.loop.advance(2)
        assert stage.renewals == ["box_unavailable", "renewed"] and stage.token() != first


def test_who_may_no_longer_is_not_renewed_and_what_they_hold_can_still_be_revoked() -> None:
    with Stage() as stage:
        first = stage.token()
        stage.world.change("1", role="admin")
        stage.loop.advance(3_001)
        assert stage.renewals == ["role_not_allowed"]
        with refusal("role_not_allowed"):
            stage.token()
        assert first in stage.world.living()
        assert stage.revoke() == 1
        assert first not in stage.world.living()


def test_a_renewal_is_not_charged_and_eight_are_made_at_once() -> None:
    with Stage(settings(mints_per_user_per_minute=1, mints_per_minute=10)) as stage:
        for number in range(10):
            stage.world.add(f"2{number}", f"p{number}@example.com")
            stage.token(f"p{number}@example.com")
        stage.world.is_patient = True
        stage.loop.advance(3_001)
        assert len(stage.world.waiting) == 8
        stage.world.is_patient = False
        while stage.world.waiting:
            stage.world.answer()
        stage.loop.settle(200)
        assert stage.renewals == ["renewed"] * 10


def test_a_renewal_of_what_was_revoked_meanwhile_makes_nothing() -> None:
    with Stage() as stage:
        stage.token()
        stage.world.is_patient = True
        stage.loop.advance(3_001)
        stage.world.is_patient = False
        stage.revoke("id", "1")
        calls(stage)
        stage.world.answer()
        stage.loop.settle()
        assert "downscope" not in calls(stage) and stage.living() == set()
        assert len(stage.service.cache.tokens) == 0


def test_the_end_ends_renewals() -> None:
    with Stage() as stage:
        stage.token()
        stage.world.is_patient = True
        stage.loop.advance(3_001)
        stage.run(stage.service.renewer.stop())
        stage.world.is_patient = False
        assert stage.world.waiting[0].cancelled() or stage.world.waiting
        assert stage.renewals == []


# The user token


def test_a_user_token_that_box_forgot_is_replaced_once() -> None:
    with Stage() as stage:
        stage.token()
        for made in stage.world.made.values():
            made.alive = False
        calls(stage)
        assert issue(stage, digest("token 1")).source == "mint"
        assert calls(stage) == {"downscope": 2, "user_token": 1}
        stage.world.fails["downscope"] = UNKNOWN_SUBJECT_TOKEN
        with refusal("box_refused"):
            stage.token(LOGINS[0], "item_share")
        assert calls(stage) == {"downscope": 2, "user_token": 1}


def test_a_user_token_that_box_does_not_know_yet_is_tried_again_in_a_moment() -> None:
    with Stage() as stage:
        stage.world.fails["downscope"] = UNKNOWN_SUBJECT_TOKEN
        task = stage.begin(stage.service.issuer.issue(ANA, "explorer", (), ROOT))
        assert calls(stage) == {"find": 1, "user_token": 1, "downscope": 1} and not task.done()
        stage.world.fails.clear()
        stage.loop.advance(0.25)
        assert task.result().source == "mint"
        assert calls(stage) == {"downscope": 1}


def test_a_user_token_that_box_never_gets_to_know_is_replaced_by_another() -> None:
    with Stage() as stage:
        stage.world.fails["downscope"] = UNKNOWN_SUBJECT_TOKEN
        task = stage.begin(stage.service.issuer.issue(ANA, "explorer", (), ROOT))
        stage.loop.advance(0.25)
        assert calls(stage) == {"find": 1, "user_token": 2, "downscope": 3}
        assert isinstance(task.exception(), Problem)


@pytest.mark.parametrize(
    ("failure", "exchanges"),
    [
        (DENIED, 2),
        (Problem("insufficient_app_scopes", box=BoxReason(401)), 2),
        (Problem("insufficient_app_scopes", box=BoxReason(403)), 1),
        (Problem("resource_not_found", box=BoxReason(400)), 1),
        (DOWN, 1),
    ],
)
def test_only_what_another_user_token_may_mend_is_tried_with_one(failure: Problem, exchanges: int) -> None:
    with Stage() as stage:
        stage.token()
        calls(stage)
        stage.world.fails["downscope"] = failure
        with refusal(failure.code):
            stage.token(LOGINS[0], "item_share")
        assert calls(stage)["downscope"] == exchanges
        stage.world.fails["downscope"] = failure
        calls(stage)
        with refusal(failure.code):
            stage.token(LOGINS[1])
        assert calls(stage)["downscope"] == 1, "a fresh one is not to blame"


def test_whom_box_no_longer_knows_is_looked_up_again() -> None:
    with Stage() as stage:
        stage.token()
        stage.loop.advance(301)
        calls(stage)
        stage.world.fails["user_token"] = Problem("user_not_found", box=BoxReason(400))
        with refusal("user_not_found"):
            stage.token(LOGINS[0], "item_share")
        stage.world.fails.clear()
        stage.token(LOGINS[0], "item_share")
        assert calls(stage)["find"] == 1


# Revocation


def test_a_log_out_reaches_all_of_one_person_by_every_name_and_nobody_else() -> None:
    for by, value in (("login", LOGINS[0]), ("login", LOGINS[0].upper()), ("id", "1")):
        with Stage() as stage:
            stage.token()
            issue(stage, digest("token 1"))
            stage.token(LOGINS[0], "item_share")
            issue(stage, subject=Subject("id", "1"))
            others = {stage.token(LOGINS[1]), stage.token(LOGINS[2])}
            assert stage.revoke(by, value) == 4, "three widgets' and the user token"
            assert {made.user_id for secret, made in stage.world.made.items() if secret in stage.world.living()} == {
                "2",
                "3",
            }
            assert others <= stage.world.living()
            assert stage.revoke(by, value) == 0
            assert stage.source() == "mint"


def test_a_log_out_by_a_name_of_before_reaches_all() -> None:
    with Stage() as stage:
        issue(stage, subject=Subject("id", "1"))
        stage.world.change("1", login="new@example.com")
        stage.loop.advance(3_001)
        assert stage.renewals == ["renewed"]
        assert stage.revoke("login", LOGINS[0]) >= 2
        assert stage.living() == set()


def test_what_box_could_not_be_told_is_told_later_and_whoever_asks_again_waits_for_it() -> None:
    with Stage() as stage:
        stage.token()
        stage.world.fails["revoke"] = DOWN
        for _ in range(2):
            with refusal("box_unavailable"):
                stage.revoke()
        assert len(stage.service.cache.pending_revocations) == len(stage.world.living()) == 2
        assert len(stage.service.cache.tokens) == 0, "forgotten all the same"
        stage.world.fails.clear()
        calls(stage)
        assert stage.revoke() == 2
        assert calls(stage) == {"revoke": 2} and stage.world.living() == set()
        assert len(stage.service.cache.pending_revocations) == 0
        assert list(stage.service.cache.names) == []


def test_box_is_told_later_a_second_at_first_and_half_a_minute_after_each_failure() -> None:
    with Stage() as stage:
        stage.token()
        stage.world.fails["revoke"] = DOWN
        with refusal("box_unavailable"):
            stage.revoke()
        calls(stage)
        stage.loop.advance(1)
        assert calls(stage) == {"revoke": 2}
        stage.loop.advance(29)
        assert calls(stage) == {}
        stage.loop.advance(1)
        stage.loop.advance(1)
        assert calls(stage) == {"revoke": 2}
        stage.world.fails.clear()
        stage.loop.advance(30)
        stage.loop.advance(1)
        assert stage.world.living() == set()
        calls(stage)
        stage.loop.advance(60)
        assert calls(stage) == {}


def test_an_error_of_our_own_does_not_end_the_telling(caplog: pytest.LogCaptureFixture) -> None:
    with Stage() as stage:
        stage.token()
        stage.world.fails["revoke"] = DOWN
        with refusal("box_unavailable"):
            stage.revoke()
        stage.world.fails["revoke"] = KeyError("x")  # type: ignore[assignment]
        stage.loop.advance(1)
        stage.world.fails.clear()
        for _ in range(2):
            stage.loop.advance(31)
        assert stage.world.living() == set()
        assert "tokens could not be revoked: " in caplog.text


def test_what_box_is_being_told_when_the_end_comes_is_told() -> None:
    with Stage() as stage:
        stage.token()
        stage.world.is_patient = True
        revoking = stage.begin(stage.service.revocations.revoke(ANA))
        stopping = stage.begin(stage.service.revocations.stop())
        assert not stopping.done()
        stage.world.is_patient = False
        while stage.world.waiting:
            stage.world.answer()
        stage.loop.settle()
        assert stopping.done() and revoking.result() == 2 and stage.world.living() == set()


def log_out(stage: Stage) -> None:
    stage.loop.create_task(stage.service.revocations.revoke(ANA))


def log_out_by_id(stage: Stage) -> None:
    stage.loop.create_task(stage.service.revocations.revoke(Subject("id", "1")))


def deny(stage: Stage) -> None:
    stage.reload(settings(denied_logins=[LOGINS[0]]))


def become_another(stage: Stage) -> None:
    stage.reload(stage.settings, app=2)


@pytest.mark.parametrize("event", [log_out, log_out_by_id, deny, become_another])
@pytest.mark.parametrize("subject", [ANA, Subject("id", "1")])
def test_at_whatever_turn_it_comes_nothing_is_handed_out_afterwards(
    event: Callable[[Stage], None], subject: Subject
) -> None:
    handed_out = refused = 0
    for steps, turns in itertools.product(range(4), range(12)):
        with Stage() as stage:
            stage.world.is_patient = True
            asking = stage.begin(stage.service.issuer.issue(subject, "explorer", (), ROOT))
            for _ in range(steps):
                stage.loop.settle()
                stage.world.answer()
            stage.loop.settle(turns)
            before: list[bool] = []

            async def happen() -> None:
                before.append(asking.done())  # noqa: B023
                event(stage)

            stage.begin(happen())
            stage.world.is_patient = False
            while stage.world.waiting:
                stage.world.answer()
            stage.loop.settle()
            if before == [True]:
                handed_out += 1
            else:
                error = asking.exception()
                assert isinstance(error, Problem), (steps, turns)
                assert error.code == ("login_not_allowed" if event is deny else "tokens_revoked")
                refused += 1
            for _ in range(3):
                stage.loop.advance(31)
            assert not stage.living() or event is become_another, (steps, turns)
    assert handed_out and refused > 20


def test_what_was_looked_up_for_another_app_is_not_remembered_for_this_one() -> None:
    for login in (LOGINS[0], "nobody@example.com"):
        with Stage() as stage:
            stage.world.is_patient = True
            looking = stage.begin(stage.service.users.lookup(Subject("login", login)))
            stage.reload(stage.settings, app=2)
            stage.world.is_patient = False
            stage.world.answer()
            stage.loop.settle()
            assert isinstance(looking.exception(), Problem)
            calls(stage)
            with contextlib.suppress(Problem):
                stage.run(stage.service.users.lookup(Subject("login", login)))
            assert calls(stage) == {"find": 1}


# Reload


def test_a_policy_that_refuses_revokes_and_one_that_does_not_keeps() -> None:
    with Stage() as stage:
        narrow, wide = stage.token(), stage.token(LOGINS[0], "item_share")
        other = stage.token(LOGINS[1])
        superseded = other
        stage.run(stage.service.issuer.issue(Subject("login", LOGINS[1]), "explorer", (), ROOT, digest(other)))
        stage.reload(settings(elements={"explorer": []}, denied_logins=[LOGINS[1]]))
        stage.loop.advance(1)
        assert {narrow} == stage.world.living() & {narrow, wide, other, superseded}
        assert stage.token() == narrow
        with refusal("scope_not_allowed"):
            stage.token(LOGINS[0], "item_share")


def test_a_file_s_token_outlives_folders_that_are_added_and_no_folder_that_is_taken_away() -> None:
    folders = {"7": ["0", "10"]}
    with Stage(settings(folders=["10"]), folders=folders) as stage:
        token = stage.token(resource=FILE, element="preview")
        assert calls(stage)["folders"] == 1
        stage.reload(settings(folders=["10", "20"]))
        assert stage.token(resource=FILE, element="preview") == token
        stage.reload(settings(folders=["20"]))
        stage.loop.advance(1)
        assert token not in stage.world.living()
        with refusal("folder_not_allowed"):
            stage.token(resource=FILE, element="preview")
        stage.reload(settings())
        calls(stage)
        assert stage.token(resource=FILE, element="preview")
        assert "folders" not in calls(stage), "where no folders are named nobody asks for them"


def test_a_file_asked_for_under_the_old_folders_is_not_had_under_the_new_and_a_folder_is() -> None:
    for resource, element in ((FILE, "preview"), (ROOT, "explorer")):
        with Stage(folders={"7": ["0"]}) as stage:
            stage.token(LOGINS[0], "item_share")
            stage.world.is_patient = True
            asking = stage.begin(stage.service.issuer.issue(ANA, element, (), resource))
            stage.reload(settings(folders=["0", "10"]))
            stage.world.is_patient = False
            stage.world.answer()
            stage.loop.settle()
            if resource is FILE:
                with refusal("tokens_revoked"):
                    asking.result()
                assert resource not in {held.key.resource for held in stage.service.cache.tokens.values()}
            else:
                assert asking.result().source == "mint"


def test_another_app_forgets_all_of_the_one_before() -> None:
    with Stage() as stage:
        old = stage.token()
        stage.reload(stage.settings, app=2)
        cache = stage.service.cache
        assert (len(cache.tokens), len(cache.users), list(cache.names)) == (0, 0, [])
        new = stage.token()
        assert new != old and stage.world.made[new].app == 2


@pytest.mark.parametrize("size", [1, 4, 100])
def test_another_size_keeps_what_there_is_room_for_and_whoever_is_kept_is_found(size: int) -> None:
    with Stage() as stage:
        tokens = {login: stage.token(login) for login in LOGINS}
        stage.reload(settings({"max_tokens": size}))
        cache = stage.service.cache
        assert len(cache.tokens) == min(size, 3)
        for held in list(cache.tokens.values()):
            assert held.token.secret.reveal() == tokens[held.user.login]
            assert stage.revoke(value=held.user.login) == 2


# People


def test_a_person_is_looked_up_again_after_user_ttl_s_and_without_box_is_who_they_were() -> None:
    with Stage(settings({"user_ttl_s": 100.0})) as stage:
        stage.token()
        calls(stage)
        stage.loop.advance(99)
        stage.token()
        assert calls(stage) == {}
        stage.loop.advance(1)
        stage.token()
        assert calls(stage) == {"find": 1}
        stage.world.change("1", role="coadmin")
        stage.loop.advance(100)
        with refusal("role_not_allowed"):
            stage.token()


def test_what_box_tells_by_one_name_holds_by_all() -> None:
    with Stage() as stage:
        stage.token()
        issue(stage, subject=Subject("id", "1"))
        stage.world.change("1", role="admin")
        stage.loop.advance(3_001)
        for subject in (ANA, Subject("id", "1")):
            with refusal("role_not_allowed"):
                issue(stage, subject=subject)


def test_who_is_unknown_is_remembered_briefly_and_until_a_reload() -> None:
    with Stage(settings({"unknown_user_ttl_s": 60.0})) as stage:
        for wait, asked in ((0, 1), (59, 0), (1, 1)):
            stage.loop.advance(wait)
            calls(stage)
            with refusal("user_not_found") as caught:
                stage.token("nobody@example.com")
            assert calls(stage).get("find", 0) == asked
        assert "exactly this login" in caught.value.detail
        stage.reload(stage.settings)
        stage.world.add("9", "nobody@example.com")
        assert stage.token("nobody@example.com")


def test_a_look_up_names_what_is_wrong() -> None:
    with Stage(settings(login_domains=["example.com"])) as stage:
        stage.world.add("8", LOGINS[0])
        with refusal("user_ambiguous") as caught:
            stage.token()
        assert "2 users" in caught.value.detail
        with refusal("login_not_allowed"):
            stage.run(stage.service.users.lookup(Subject("login", "x@other.example")))
        assert calls(stage) == {"find": 1}, "Box is not asked about whom policy refuses"
        stage.world.people = {"": User("", LOGINS[1])}
        with refusal("box_refused"):
            stage.token(LOGINS[1])


def test_look_ups_are_charged_and_renewals_are_not() -> None:
    with Stage(settings(mints_per_minute=2)) as stage:
        for login in LOGINS[:2]:
            stage.token(login)
        with refusal("rate_limited"):
            stage.token(LOGINS[2])
        stage.loop.advance(3_001)
        assert stage.renewals == ["renewed"] * 2


def test_an_app_user_is_made_once_found_again_and_known() -> None:
    with Stage(settings(provision_app_users=True)) as stage:
        provision = stage.service.users.provision
        user, made = stage.run(provision("77", "N"))
        assert made and calls(stage) == {"find_app": 1, "create": 1}
        assert stage.run(provision("77", "N")) == (user, False)
        calls(stage)
        assert issue(stage, subject=Subject("external_app_user_id", "77")).user == user
        assert calls(stage) == {"user_token": 1, "downscope": 1}


def test_an_app_user_whose_making_was_not_heard_of_is_looked_for() -> None:
    for failure, finds in ((DOWN, 2), (Problem("box_refused", box=BoxReason(409)), 2), (DENIED, 1)):
        with Stage(settings(provision_app_users=True)) as stage:
            stage.world.fails["create"] = failure
            with refusal(failure.code):
                stage.run(stage.service.users.provision("77", "N"))
            assert calls(stage) == {"find_app": finds, "create": 1}


def test_app_users_are_made_only_where_policy_says_so() -> None:
    with Stage() as stage:
        with refusal("provisioning_not_allowed"):
            stage.run(stage.service.users.provision("77", "N"))
        assert calls(stage) == {}


def test_the_box_of_a_request_under_way_is_the_one_it_began_with() -> None:
    with Stage() as stage:
        stage.world.is_patient = True
        asking = stage.begin(stage.service.issuer.issue(ANA, "explorer", (), ROOT))
        stage.world.answer()
        stage.loop.settle()
        first = stage.service.current.box
        stage.reload(stage.settings)
        assert isinstance(first, ScriptedBox) and stage.service.current.box is not first
        stage.world.is_patient = False
        stage.world.answer()
        stage.loop.settle()
        assert asking.result().source == "mint"


def test_nobody_waits_for_a_slow_box_but_who_needs_it() -> None:
    with Stage() as stage:
        stage.token()
        stage.world.is_patient = True
        slow = [stage.begin(stage.service.issuer.issue(Subject("login", name), "explorer", (), ROOT))
                for name in LOGINS[1:]]  # fmt: skip
        assert stage.source() == "hit"
        assert not any(task.done() for task in slow)
        for task in slow:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            stage.run(asyncio.wait_for(asyncio.gather(*slow), None))


# Paths

UPLOADING = ("item_upload",)


def receipts(stage: Stage, *features: str, refused: str | None = None) -> Any:
    return stage.service.issuer.issue(ANA, "explorer", features, RECEIPTS, refused)


def test_a_token_for_a_path_is_for_the_folder_that_is_there() -> None:
    with Stage() as stage:
        stage.world.children = {("1", "0"): {"Receipts": "5"}, ("1", "5"): {"2026": "6"}}
        first = stage.run(receipts(stage))
        assert (first.source, first.key.resource, first.key.start) == ("mint", Resource("folder", "6"), "0")
        assert calls(stage) == {"find": 1, "user_token": 1, "items": 2, "downscope": 1}
        assert {made.resource for made in stage.world.made.values()} == {None, Resource("folder", "6")}
        assert stage.service.issuer.recall(ANA, "explorer", (), RECEIPTS) == first._replace(source="hit")
        assert stage.service.issuer.recall(ANA, "explorer", (), Resource("folder", "6")) is None
        assert calls(stage) == {}


def test_where_it_leads_is_believed_for_a_while_and_longer_without_box() -> None:
    with Stage(settings({"user_ttl_s": 100.0})) as stage:
        stage.world.children = {("1", "0"): {"Receipts": "5"}, ("1", "5"): {"2026": "6", "2027": "7"}}
        first = stage.run(receipts(stage))
        stage.world.children["1", "5"]["2026"] = "8"
        stage.loop.advance(99.0)
        assert stage.run(receipts(stage)).key == first.key
        stage.loop.advance(2.0)
        stage.world.fails = {"items": DOWN}
        assert stage.run(receipts(stage)) == first._replace(source="stale")
        # It may be somebody else's by now: no new token for it.
        with refusal("box_unavailable"):
            stage.run(receipts(stage, *UPLOADING))
        stage.world.fails = {}
        assert stage.run(receipts(stage)).key.resource.id == "8"


@pytest.mark.parametrize("step", range(7))
def test_a_log_out_in_any_step_of_a_path_leaves_no_token_and_makes_no_folder_after(step: int) -> None:
    with Stage(settings(create_folders=True)) as stage:
        stage.world.is_patient = True
        asked = stage.begin(receipts(stage, *UPLOADING))
        for _ in range(step):  # look-up, user token, look, make, look, make, downscope
            stage.world.answer()
            stage.loop.settle()
        assert not asked.done()
        stage.world.is_patient = False
        logged_out = stage.begin(stage.service.revocations.revoke(ANA))
        made = stage.world.calls["create_folder"]
        while stage.world.waiting:
            stage.world.answer()
            stage.loop.settle()
        stage.loop.run_until_complete(logged_out)
        with refusal("tokens_revoked"):
            stage.loop.run_until_complete(asked)
        assert stage.living() == set()
        assert stage.world.calls["create_folder"] == made, "nothing is made for whoever has gone"
        held = stage.service.cache
        assert not held.paths and not held.tokens and not held.user_tokens
        stage.world.calls.clear()
        assert stage.run(receipts(stage, *UPLOADING)).source == "mint", "the next log-in is as the first"


def test_a_log_out_between_two_tries_of_one_request_is_not_overlooked() -> None:
    with Stage() as stage:
        stage.world.children = {("1", "0"): {"Receipts": "5"}, ("1", "5"): {"2026": "6"}}
        stage.run(receipts(stage))
        stage.world.is_patient = True
        stage.world.fails = {"downscope": Problem("resource_not_found", box=BoxReason(400, "invalid_resource"))}
        asked = stage.begin(receipts(stage, "item_share"))
        logged_out = stage.begin(stage.service.revocations.revoke(ANA))
        stage.world.is_patient, stage.world.fails = False, {}
        while stage.world.waiting:
            stage.world.answer()
            stage.loop.settle()
        stage.loop.run_until_complete(logged_out)
        with pytest.raises(Problem):
            stage.loop.run_until_complete(asked)
        assert stage.living() == set()


def test_a_folder_that_is_gone_is_looked_for_once_more_and_not_for_ever() -> None:
    with Stage() as stage:
        stage.world.children = {("1", "0"): {"Receipts": "5"}, ("1", "5"): {"2026": "6"}}
        stage.run(receipts(stage))
        calls(stage)
        stage.world.fails = {"downscope": Problem("resource_not_found", box=BoxReason(400, "invalid_resource"))}
        with refusal("resource_not_found"):
            stage.run(receipts(stage, "item_share"))
        assert calls(stage) == {"downscope": 2, "items": 2}


def test_people_and_paths_are_kept_apart() -> None:
    with Stage() as stage:
        stage.world.children = {("1", "0"): {"Receipts": "5"}, ("1", "5"): {"2026": "6"}}
        stage.world.children |= {("2", "0"): {"Receipts": "7"}, ("2", "7"): {"2026": "8"}}
        issue = stage.service.issuer.issue
        found = [stage.run(issue(Subject("login", login), "explorer", (), RECEIPTS)).key for login in LOGINS[:2]]
        assert [(key.user_id, key.resource.id) for key in found] == [("1", "6"), ("2", "8")]
        stage.revoke(value=LOGINS[0])
        assert {user_id for user_id, _ in stage.service.cache.paths} == {"2"}


def test_a_path_is_not_made_anew_under_a_policy_that_has_changed_meanwhile() -> None:
    with Stage(settings(create_folders=True)) as stage:
        stage.world.is_patient = True
        asked = stage.begin(receipts(stage, *UPLOADING))
        for _ in range(2):
            stage.world.answer()
            stage.loop.settle()
        stage.world.is_patient = False
        stage.reload(settings())
        while stage.world.waiting:
            stage.world.answer()
            stage.loop.settle()
        with refusal("folder_not_found"):
            stage.loop.run_until_complete(asked)
        assert stage.creations == []
