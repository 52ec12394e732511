"""A light English stemmer: inflected and plainly derived forms of a word share one stem.

Stems are only ever compared with each other, so they need not be words. It strips plural, tense,
adverb and the commonest noun and adjective endings, and knows the irregular forms that everyday
prose uses. It is deliberately weaker than Porter's on long words: joining two different words
hides an unsupported one.
"""

from functools import lru_cache

_LONGEST = 40
_VOWELS = frozenset("aeiouy")
_DOUBLED = frozenset("bdgkmnprt")

_IRREGULAR_TEXT = """
ate eat; eaten eat; became become; began begin; begun begin; bent bend; better good; best good;
bitten bite; blew blow; blown blow; born bear; borne bear; bought buy; bound bind; broke break;
broken break; brought bring; built build; burnt burn; came come; caught catch; children child;
chose choose; chosen choose; dealt deal; died die; dying die; drank drink; drawn draw; drew draw;
driven drive; drove drive; drunk drink; dug dig; dying die; fallen fall; fed feed; feet foot; fell
fall; felt feel; fled flee; flew fly; flies fly; flown fly; forgot forget; forgotten forget; fought
fight; found find; froze freeze; frozen freeze; gave give; geese goose; given give; gone go; got
get; gotten get; grew grow; grown grow; halves half; heard hear; held hold; hidden hide; hid hide;
kept keep; knew know; known know; knives knife; laid lay; lain lie; lay lie; leaves leaf; led lead;
left leave; lent lend; lice louse; lit light; lives life; lost lose; lying lie; made make; meant
mean; men man; met meet; mice mouse; paid pay; people person; proven prove; ran run; rang ring;
ridden ride; risen rise; rode ride; rose rise; said say; sang sing; sank sink; sat sit; saw see;
seen see; sent send; shaken shake; shelves shelf; shone shine; shook shake; shot shoot; shown show;
shrank shrink; shrunk shrink; slept sleep; sold sell; sought seek; spent spend; spoke speak; spoken
speak; spun spin; stole steal; stolen steal; stood stand; struck strike; stuck stick; sung sing;
sunk sink; swam swim; swept sweep; swum swim; taken take; taught teach; teeth tooth; thought think;
threw throw; thrown throw; thieves thief; told tell; took take; tore tear; torn tear; tying tie;
understood understand; went go; wives wife; woke wake; wolves wolf; women woman; won win; wore
wear; worn wear; worse bad; worst bad; wound wind; written write; wrote write; bigger big; biggest
big; hotter hot; hottest hot; older old; oldest old; newer new; newest new; lower low; lowest low;
used use; using use; uses use; upper up; further far; easier easy; easiest easy; data data; news
news; series series; species species
"""
_IRREGULAR = dict(pair.split() for pair in _IRREGULAR_TEXT.split(";"))

# Longest first. The number is how many letters must be left over.
_SUFFIXES = (
    ("ization", 4, "ize"), ("isation", 4, "ize"), ("fulness", 3, ""), ("ousness", 3, "ous"),
    ("iveness", 3, "ive"), ("ability", 3, "able"), ("ibility", 3, "ible"), ("ication", 4, "y"),
    ("ational", 4, ""), ("ements", 4, ""), ("ation", 4, ""), ("ition", 4, ""), ("ement", 4, ""),
    ("ments", 4, ""), ("ingly", 4, ""), ("edly", 4, ""), ("ally", 4, ""), ("ment", 4, ""),
    ("ness", 3, ""), ("less", 4, ""), ("able", 4, ""), ("ible", 4, ""), ("ance", 4, ""),
    ("ence", 4, ""), ("ancy", 4, ""), ("ency", 4, ""), ("tion", 4, "t"), ("sion", 4, "s"),
    ("ical", 4, ""), ("ious", 4, ""), ("eous", 4, ""), ("ful", 4, ""), ("ity", 4, ""),
    ("ive", 4, ""), ("ous", 4, ""), ("ant", 5, ""), ("ent", 5, ""), ("ize", 4, ""), ("ise", 4, ""),
    ("ist", 4, ""), ("ism", 4, ""), ("ish", 4, ""), ("ial", 4, ""), ("ian", 4, ""), ("ily", 3, ""),
    ("al", 4, ""), ("ic", 4, ""), ("ly", 3, ""), ("er", 4, ""), ("or", 4, ""), ("en", 4, ""),
    ("ate", 4, ""), ("est", 4, ""), ("ion", 5, ""),
)  # fmt: skip


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Return the stem of one lower-case word without punctuation.

    Args:
        word: Letters only, lower case. A word of more than 40 letters is cut there.

    Returns:
        A stem of at least one letter; the same word always has the same stem.
    """
    word = word[:_LONGEST]
    if word in _IRREGULAR:
        word = _IRREGULAR[word]
    if len(word) < 4:
        return word
    return _tail(_derived(_tense(_plural(word))))


def _plural(word: str) -> str:
    if not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zzes", "oes")):
        return word[:-2]
    return word[:-1]


def _tense(word: str) -> str:
    for ending in ("ing", "ed"):
        rest = word[: -len(ending)]
        if word.endswith(ending) and len(rest) >= 3 and not _VOWELS.isdisjoint(rest):
            if rest.endswith("at") and not rest.endswith(("eat", "oat")):
                return rest + "e"
            doubled = rest[-1] == rest[-2] and rest[-1] in _DOUBLED
            return rest[:-1] if doubled else rest
    return word


def _derived(word: str) -> str:
    for ending, least, new in _SUFFIXES:
        if word.endswith(ending) and len(word) - len(ending) >= least:
            return word[: -len(ending)] + new
    return word


def _tail(word: str) -> str:
    if len(word) > 3 and word[-1] == "e":
        word = word[:-1]
    if len(word) > 4 and word.endswith("ll"):
        word = word[:-1]
    return word[:-1] + "i" if len(word) > 2 and word[-1] == "y" else word
