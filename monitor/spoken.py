"""The language of who asks, on the page and in the interface for programs."""

from starlette.requests import Request

LANGUAGES = {"en": "English", "zh_CN": "中文"}


def language(request: Request) -> str:
    """What the switch says, else of what there is what the browser asks for most, else English."""
    if (chosen := request.cookies.get("language", "")) in LANGUAGES:
        return chosen
    best, found = 0.0, "en"
    for entry in request.headers.get("accept-language", "").lower().split(","):
        name, _, parameters = entry.strip().partition(";")
        code = next((code for code in LANGUAGES if name.startswith(code[:2])), "")
        if code and (wanted := _quality(parameters)) > best:
            best, found = wanted, code
    return found


def _quality(parameters: str) -> float:
    """How much a language is wanted: `q=0.8`, and wholly when nothing is said (RFC 9110, 12.5.4)."""
    name, _, value = parameters.strip().partition("=")
    try:
        return float(value) if name == "q" else 1.0
    except ValueError:
        return 0.0
