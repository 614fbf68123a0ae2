"""A tiny tagger, and a client of a service that serves it."""

import pytest
from fastapi.testclient import TestClient

from finkd.experiments.service.app import make_app
from tests.finkd.toys import LABELS, tiny_model


@pytest.fixture(scope="module")
def tagger():
    return tiny_model(labels=LABELS, seed=5)


@pytest.fixture(scope="module")
def client(tagger, request):
    """A client of a service with the ``LIMITS`` of the module."""
    with TestClient(make_app(tagger, "toy", request.module.LIMITS), raise_server_exceptions=False) as client:
        yield client
