"""Driss's colleague at Salé, and a manager."""

import pytest

from tests.people import Person, Scene


@pytest.fixture
def hind(scene: Scene) -> Person:
    """Caseworker at Salé, like Driss."""
    return scene.caseworker("Hind", centre_slug="sale")


@pytest.fixture
def karim(scene: Scene) -> Person:
    """Manager."""
    return scene.manager("Karim")
