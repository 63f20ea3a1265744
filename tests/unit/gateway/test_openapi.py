from services.gateway.app import create_app
from services.gateway.settings import GatewaySettings


def test_every_success_is_documented_with_its_media_type_and_schema() -> None:
    for path, operations in create_app(GatewaySettings()).openapi()["paths"].items():
        for method, operation in operations.items():
            successes = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
            assert successes, (method, path)
            for content in (answer.get("content", {}) for answer in successes):
                assert content, (method, path)
                assert all(one.get("schema") for one in content.values()), (method, path)
