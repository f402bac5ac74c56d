"""What the settings of several policies mean."""

from typing import Annotated

from pydantic import Field

Epsilon = Annotated[float, Field(ge=0, le=1)]
"""ε: the share of places that are explored."""
Among = Annotated[int, Field(ge=1)] | None
"""M: the candidates that a place is explored among; None: all that are open."""
Temperature = Annotated[float, Field(ge=1e-9)]
"""T, in the scores' unit: a candidate with a value T lower is chosen e times more rarely."""
Rounds = Annotated[float, Field(ge=0)]
"""t: rounds or events of evidence so far, which the caller knows; a policy has no memory."""
