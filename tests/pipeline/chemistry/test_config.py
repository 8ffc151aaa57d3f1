import pytest
from pydantic import ValidationError

from pipeline.chemistry.config import ScaffoldConfig


def test_a_text_alone_is_the_scaffold_to_keep():
    assert ScaffoldConfig.model_validate("C[*:1]") == ScaffoldConfig(keep="C[*:1]")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "say what to keep"),
        ({"keep": "C", "replace": "O"}, "not both"),
        ({"replace": "O"}, "takes both"),
        ({"molecule": "CO"}, "takes both"),
    ],
)
def test_a_request_that_is_not_whole_is_refused(values, said):
    with pytest.raises(ValidationError, match=said):
        ScaffoldConfig(**values)
