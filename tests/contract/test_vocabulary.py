import pytest
from pydantic import TypeAdapter, ValidationError

from contracts.vocabulary import Utc


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_utc_cannot_name_is_invalid(moment: str) -> None:
    with pytest.raises(ValidationError, match="before the year 1 or after 9999"):
        TypeAdapter(Utc).validate_python(moment)
