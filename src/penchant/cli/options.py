"""Options whose values are lists."""

from penchant.errors import ConfigError


def whole_numbers(text: str, option: str) -> tuple[int, ...]:
    """``5,10`` as numbers; `ConfigError` names the option."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"{option} takes whole numbers; {text!r} came.", hint=f"For example: {option} 5,10") from None


def shares(text: str, option: str) -> tuple[float, ...]:
    """``0.25,0.5,1`` as numbers; `ConfigError` names the option."""
    try:
        return tuple(float(part) for part in text.split(",") if part) if text else ()
    except ValueError:
        raise ConfigError(f"{option} takes numbers; {text!r} came.", hint=f"For example: {option} 0.25,0.5,1") from None


def names(text: str) -> tuple[str, ...]:
    """``popularity,item_knn`` as names."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
