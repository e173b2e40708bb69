"""How people say what is to be done with a table as a whole."""

from __future__ import annotations

import re

PROFILE = re.compile(
    r"what('s| is| are| do| does)\b.*\b(in|about|this|it|file|data|contain)|describe|summar\w+|"
    r"profile|overview|explore|look at|analy[sz]e|inspect|columns|tell me about|head\b|"
    r"first rows|preview|\bstands? out",
    re.IGNORECASE,
)
COLUMNS = re.compile(
    r"\b(?:how many|number of|which|what|list|show)\b(?: \w+){0,3} (?:columns|fields)\b"
    r"(?!.*\b(?:by|per|where)\b)",
    re.IGNORECASE,
)
CLEAN = re.compile(
    r"\b(clean\w*|tidy|dedup\w*|remove duplicates|fix (the|my|this) (data|file))\b", re.I
)
CORRELATION = re.compile(r"\bcorrelat\w*|\bheat ?map", re.IGNORECASE)
OUTLIERS = re.compile(r"\boutliers?|\banomal\w+", re.IGNORECASE)
FORECAST = re.compile(
    r"\b(forecast\w*|predict\w*|extrapolat\w*|project(?:ed|ion)|trend ?line|linear trend)\b", re.I
)
TREND = re.compile(r"\b(trends?|season\w*)\b", re.IGNORECASE)
CHANGES = re.compile(
    r"\b(?:delete|drop|remove|rename|add|insert|hide) (?:the |a |an |new )*(?:\w+ )?columns?\b|"
    r"\b(?:fill|replace|impute|interpolate)\b(?! ?(?:out|up)).*",
    re.IGNORECASE,
)
JOIN = re.compile(r"\b(join|merge|combine)\b", re.IGNORECASE)

# The words of the above, and of missing values and repeats: none of them is strange to the rules.
WORDS = (
    r"stands? out|clean\w*|tidy|dedup\w*|correlat\w*|heat ?map|outliers?|anomal\w+|forecast\w*|"
    r"predict\w*|extrapolat\w*|project(?:ed|ion)|trends?|trend ?line|linear|join|merge|combine|"
    r"missing|nulls?|nans?|blanks?|empty|incomplete|duplicat\w*|repeated|identical|remove|drop|"
    r"discard|ignor\w+|leave out|fix"
)
