"""Secrets: which vault keeps one, what the profile notes of it, and what happens when a vault fails or hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from scripted_vault import SPEC, ScriptedVault

from alveary import Kernel
from alveary import secrets as room
from alveary.contracts.specs import VaultSpec
from alveary.contracts.vault import SecretKey
from alveary.errors import (
    CredentialNotFoundError,
    InvalidInputError,
    KeyringFailedError,
    KeyringTimeoutError,
    QueryCancelledError,
)
from alveary.paths import Paths
from alveary.plugins import Registry
from alveary.profiles import Profile

SECRET = "gehe1m @:/%#?&'\"\\ +%41 é漢 zwölf"
PROFILE = Profile(name="shop", scheme="postgresql", host="db.example", user="ann")
KEY = SecretKey(PROFILE.id, "password")


@pytest.fixture
def kernels(home: Path) -> Iterator[Callable[..., Kernel]]:
    """Make kernels on one home, as one process after the other does; their vaults are the ones given."""
    made: list[Kernel] = []
    ScriptedVault.reset()

    def make(*vaults: VaultSpec) -> Kernel:
        kernel = Kernel(paths=Paths(home, home / "cache"))
        kernel.plugins.vaults = Registry()
        for spec in vaults:
            kernel.plugins.vaults.add(spec)
        made.append(kernel)
        return kernel

    yield make
    ScriptedVault.reset()
    for kernel in made:
        kernel.close()


@pytest.fixture
def kernel(kernels: Callable[..., Kernel]) -> Kernel:
    """A kernel with the scripted vault and a saved connection."""
    kernel = kernels(SPEC)
    kernel.profiles.add(PROFILE)
    return kernel


@pytest.fixture
def hung() -> Iterator[threading.Event]:
    """What a hanging vault waits for; set at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def noted(kernel: Kernel) -> dict[str, str]:
    return kernel.profiles.secrets_of(PROFILE.id)


def test_a_secret_goes_to_the_vault_and_comes_back_in_another_kernel(
    kernel: Kernel, kernels: Callable[..., Kernel]
) -> None:
    assert kernel.secrets.find(KEY) is None
    assert ScriptedVault.asked == [], "nobody asks for a secret that was never given"
    assert kernel.secrets.keep(KEY, SECRET) == room.Kept(vault="scripted")
    assert noted(kernel) == {"password": "scripted"}
    assert ScriptedVault.secrets == {KEY: SECRET}
    later = kernels(SPEC)
    assert [later.secrets.find(KEY) for _ in range(3)] == [SECRET] * 3
    assert ScriptedVault.asked.count("get") == 1
    later.profiles.change(PROFILE.id, lambda profile: profile.with_fields({"name": "store"}))
    assert kernels(SPEC).secrets.find(KEY) == SECRET, "a new name changes nothing"


def test_a_secret_is_forgotten_on_request(kernel: Kernel, kernels: Callable[..., Kernel]) -> None:
    kernel.secrets.keep(KEY, SECRET)
    assert kernel.secrets.forget(KEY)
    assert not kernel.secrets.forget(KEY)
    assert (ScriptedVault.secrets, noted(kernel)) == ({}, {})
    assert kernel.secrets.find(KEY) is None
    phrase = SecretKey(PROFILE.id, "passphrase")
    kernel.secrets.keep(KEY, SECRET)
    kernel.secrets.keep(phrase, "another")
    assert kernels(SPEC).secrets.forget_all(PROFILE.id)
    assert ScriptedVault.secrets == {}


def test_without_a_vault_a_secret_lasts_as_long_as_the_kernel(kernels: Callable[..., Kernel]) -> None:
    kernel = kernels()
    kernel.profiles.add(PROFILE)
    assert kernel.secrets.keep(KEY, SECRET) == room.Kept(vault=None, reason="there is no vault")
    assert kernel.secrets.find(KEY) == SECRET
    assert noted(kernel) == {}
    assert kernels().secrets.find(KEY) is None


def test_a_secret_can_be_remembered_and_kept_nowhere(kernel: Kernel, kernels: Callable[..., Kernel]) -> None:
    kernel.secrets.remember(KEY, SECRET)
    assert kernel.secrets.find(KEY) == SECRET
    assert (ScriptedVault.secrets, noted(kernel)) == ({}, {})
    assert kernels(SPEC).secrets.find(KEY) is None


def test_the_first_vault_that_can_be_used_is_named(kernels: Callable[..., Kernel]) -> None:
    broken = VaultSpec(id="broken", name="the broken vault", factory="no_such_module:Vault")
    assert kernels().secrets.usable() is None
    assert kernels(broken).secrets.usable() is None
    kernel = kernels(broken, SPEC)
    assert [kernel.secrets.usable() for _ in range(3)] == ["the scripted vault"] * 3
    assert ScriptedVault.asked == ["check"]


@pytest.mark.parametrize("secret", ["", "a\0b", "a\udcff"])
def test_what_no_server_takes_is_not_kept(kernel: Kernel, secret: str) -> None:
    with pytest.raises(InvalidInputError):
        kernel.secrets.keep(KEY, secret)
    assert ScriptedVault.asked == []


def test_a_vault_that_refuses_is_said_to_and_not_noted(kernel: Kernel) -> None:
    def deny(method: str) -> None:
        if method == "set":
            raise RuntimeError(f"no {SECRET} for you")

    ScriptedVault.before = deny
    kept = kernel.secrets.keep(KEY, SECRET)
    assert kept.vault is None
    assert kept.reason == "the scripted vault failed: RuntimeError: no *** for you"
    assert noted(kernel) == {}
    assert kernel.secrets.find(KEY) == SECRET, "for the rest of this kernel"


def test_a_new_secret_that_is_refused_leaves_the_old_one_noted(kernel: Kernel, kernels: Callable[..., Kernel]) -> None:
    kernel.secrets.keep(KEY, "an older one")
    ScriptedVault.before = lambda method: exec("raise SystemExit(3)") if method == "set" else None
    assert kernel.secrets.keep(KEY, SECRET).reason == "the scripted vault failed: SystemExit: 3"
    assert noted(kernel) == {"password": "scripted"}
    assert kernels(SPEC).secrets.find(KEY) == "an older one"


def test_the_next_vault_takes_what_the_first_does_not(kernels: Callable[..., Kernel]) -> None:
    broken = VaultSpec(id="broken", name="the broken vault", factory="no_such_module:Vault")
    missing = VaultSpec(id="missing", name="the missing vault", factory="nowhere:Vault", package="no_such_package")
    kernel = kernels(broken, missing, SPEC)
    kernel.profiles.add(PROFILE)
    assert kernel.secrets.keep(KEY, SECRET).vault == "scripted"
    kernel = kernels(broken, missing)
    kept = kernel.secrets.keep(KEY, SECRET)
    assert kept.vault is None
    assert kept.reason is not None
    assert "ModuleNotFoundError" in kept.reason
    assert "the missing vault needs the Python package no_such_package" in kept.reason
    assert noted(kernel) == {"password": "scripted"}
    with pytest.raises(KeyringFailedError, match="'scripted' is not installed"):
        kernels().secrets.find(KEY)


def test_a_vault_that_hangs_is_waited_for_once(
    kernel: Kernel, hung: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "CHECK_SECONDS", 0.2)
    ScriptedVault.before = lambda _: hung.wait(60)
    for _ in range(3):
        kept = kernel.secrets.keep(KEY, SECRET)
        assert kept == room.Kept(vault=None, reason="the scripted vault did not answer within 0.2 seconds")
    assert ScriptedVault.asked == ["check"]
    assert noted(kernel) == {}


def test_a_secret_that_may_be_kept_yet_stays_noted(
    kernel: Kernel, hung: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "ANSWER_SECONDS", 0.2)
    ScriptedVault.before = lambda method: hung.wait(60) if method == "set" else None
    kept = kernel.secrets.keep(KEY, SECRET)
    assert kept.vault is None
    assert kept.reason == "the scripted vault did not answer within 0.2 seconds; it may do so yet"
    assert noted(kernel) == {"password": "scripted"}, "or it would be there and nobody would know"
    with pytest.raises(KeyringTimeoutError):  # it still waits for the first answer
        kernel.secrets.forget(KEY)
    hung.set()
    monkeypatch.setattr(room, "ANSWER_SECONDS", 60)
    assert kernel.secrets.forget(KEY)
    assert ScriptedVault.secrets == {}


def test_whoever_no_longer_wants_the_answer_does_not_wait(kernel: Kernel, hung: threading.Event) -> None:
    stopped = threading.Event()

    def hang(method: str) -> None:
        if method == "set":
            stopped.set()
            hung.wait(60)

    ScriptedVault.before = hang
    with pytest.raises(QueryCancelledError):
        kernel.secrets.keep(KEY, SECRET, stopped=stopped)
    assert noted(kernel) == {"password": "scripted"}


def test_a_secret_that_is_gone_from_its_vault_is_an_error_of_its_own(
    kernel: Kernel, kernels: Callable[..., Kernel]
) -> None:
    kernel.secrets.keep(KEY, SECRET)
    ScriptedVault.secrets.clear()
    with pytest.raises(CredentialNotFoundError, match="the scripted vault no longer holds the password"):
        kernels(SPEC).secrets.find(KEY)


def test_many_that_need_a_secret_at_once_ask_once(kernel: Kernel, kernels: Callable[..., Kernel]) -> None:
    kernel.secrets.keep(KEY, SECRET)
    later, answers = kernels(SPEC), list[str | None]()
    ScriptedVault.before = lambda method: time.sleep(0.2) if method == "get" else None
    threads = [threading.Thread(target=lambda: answers.append(later.secrets.find(KEY))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [SECRET] * 8
    assert ScriptedVault.asked.count("get") == 1


def test_secrets_of_a_profile_that_can_not_be_read_can_still_be_forgotten(kernel: Kernel) -> None:
    kernel.secrets.keep(KEY, SECRET)
    with kernel.store.writing() as connection:
        connection.execute("update profiles set content = json_set(content, '$.port', 'x')")
    assert kernel.secrets.forget_all(PROFILE.id)
    assert ScriptedVault.secrets == {}
