"""Guests of the tea house."""

import pytest

from tests.conversations.engine.tea_house import tea_house
from tests.people import Person, Scene


@pytest.fixture
def scene() -> Scene:
    return Scene(tea_house())


@pytest.fixture
def chama(scene: Scene) -> Person:
    """She comes for the first time."""
    return scene.newcomer("Chama")


@pytest.fixture
async def amina(scene: Scene) -> Person:
    """She reads English here, and has just been asked which tea."""
    amina = scene.beneficiary("Amina", language="en")
    await amina.starts()
    await amina.taps("order")
    return amina


@pytest.fixture
def driss(scene: Scene) -> Person:
    return scene.caseworker("Driss")
