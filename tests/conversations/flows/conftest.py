"""The cast before the real flows."""

import pytest

from conversations.flows import routes
from tests.people import Person, Scene


@pytest.fixture
def scene() -> Scene:
    return Scene(routes())


@pytest.fixture
def amina(scene: Scene) -> Person:
    """She reads Arabic, has agreed to what is kept and to news, and stands before her menu."""
    return scene.beneficiary("Amina", language="ar", news=True)


@pytest.fixture
def brahim(scene: Scene) -> Person:
    """He reads French, has agreed to what is kept, and wants no news."""
    return scene.beneficiary("Brahim", language="fr")


@pytest.fixture
def chama(scene: Scene) -> Person:
    """She opens the chat for the first time."""
    return scene.newcomer("Chama")


@pytest.fixture
def driss(scene: Scene) -> Person:
    """Caseworker at Salé."""
    return scene.caseworker("Driss", centre_slug="sale")
