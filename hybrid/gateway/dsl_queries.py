"""The queries that pass, and what stands around them in hits: a clause or option that is not here is refused."""

from collections.abc import Mapping

from .rules import Count, Either, Empty, Escaping, Geometry, Many, Object, Rule, Scalar, Union

SCALAR = Scalar()
_GEOMETRY = Geometry(
    frozenset(
        {"lat", "lon", "top_left", "bottom_right", "top_right", "bottom_left", "top", "left", "bottom", "right"}
        | {"points", "type", "coordinates", "radius", "geometries", "wkt", "geohash"}
    )
)


def options(names: str, **rules: Rule) -> Object:
    """Give an object whose ``names`` hold scalars, and whose other keys have rules of their own."""
    return Object({**dict.fromkeys(["boost", "_name", *names.split()], SCALAR), **rules})


def _by_field(names: str) -> Object:
    """Give an object that names a field, with a scalar or an object of options under it."""
    return Object({"boost": SCALAR, "_name": SCALAR}, Either(options(names)))


def _by_place(names: str, value: Rule = _GEOMETRY) -> Object:
    """Give an object that names a field with places under it, beside options."""
    return Object(options(names).keys, value)


_WORDS = (
    "query analyzer operator minimum_should_match fuzziness prefix_length max_expansions fuzzy_transpositions "
    "fuzzy_rewrite lenient zero_terms_query auto_generate_synonyms_phrase_query slop"
)
_LANGUAGE = (
    "query fields default_field default_operator analyzer quote_analyzer allow_leading_wildcard analyze_wildcard "
    "auto_generate_synonyms_phrase_query enable_position_increments fuzziness fuzzy_max_expansions "
    "fuzzy_prefix_length fuzzy_transpositions lenient max_determinized_states minimum_should_match phrase_slop "
    "quote_field_suffix tie_breaker time_zone type rewrite flags"
)
_QUERIES: dict[str, Rule] = {}
QUERY = Union(_QUERIES)
_CLAUSES = Many(QUERY)

_NESTED_SORT = Object({"path": SCALAR, "filter": QUERY, "max_children": SCALAR})
_SORT_OPTIONS = options("order missing unmapped_type mode numeric_type format", nested=_NESTED_SORT)
_SORT_BY_PLACE = _by_place("order unit mode distance_type ignore_unmapped validation_method")
SORT = Many(Either(Object({"_geo_distance": _SORT_BY_PLACE, "_script": Empty()}, Either(_SORT_OPTIONS))))

_MARKING = (
    "pre_tags post_tags type order fragmenter fragment_size number_of_fragments no_match_size phrase_limit encoder "
    "require_field_match boundary_scanner boundary_scanner_locale boundary_chars boundary_max_scan matched_fields "
    "force_source max_analyzer_offset tags_schema fragment_offset"
)
_MARKED_FIELDS = Many(Object({}, options(_MARKING, highlight_query=QUERY)))
_FIELDS = Many(Either(options("field format")))
#: What says which hits are returned and what of them.
HITS: Mapping[str, Rule] = {
    "from": Count(),
    "size": Count(),
    "sort": SORT,
    "_source": Either(options("includes excludes include exclude")),
    "fields": _FIELDS,
    "docvalue_fields": _FIELDS,
    "stored_fields": SCALAR,
    # Dashboards sends it with nothing in it.
    "script_fields": Empty(),
    "highlight": options(_MARKING, highlight_query=QUERY, fields=_MARKED_FIELDS),
    "explain": Escaping(SCALAR, bool),
    "track_scores": SCALAR,
    "version": SCALAR,
    "seq_no_primary_term": SCALAR,
}
INNER_HITS = Object({**HITS, "name": SCALAR, "ignore_unmapped": SCALAR, "collapse": options("field")})

_DECAY = Object(
    {"multi_value_mode": SCALAR}, Object(dict.fromkeys(["origin", "scale", "offset", "decay"], _GEOMETRY))
)
_FUNCTION: dict[str, Rule] = {
    "weight": SCALAR,
    "random_score": options("seed field"),
    "field_value_factor": options("field factor modifier missing"),
    **dict.fromkeys(["gauss", "exp", "linear"], _DECAY),
}
#: A document of the same index, by its id.
_DOCUMENT = Escaping(options("_id"))
_LIKE = Many(Either(_DOCUMENT))

_QUERIES |= {
    "match_all": options(""),
    "match_none": options(""),
    "match": _by_field(_WORDS),
    "match_phrase": _by_field(_WORDS),
    "match_phrase_prefix": _by_field(_WORDS),
    "match_bool_prefix": _by_field(_WORDS),
    "multi_match": options(f"{_WORDS} fields type tie_breaker"),
    "combined_fields": options(f"{_WORDS} fields"),
    "query_string": options(_LANGUAGE),
    "simple_query_string": options(_LANGUAGE),
    "term": _by_field("value case_insensitive"),
    # Values only: an object would look them up in another index.
    "terms": Object({}, SCALAR),
    "terms_set": _by_field("terms minimum_should_match_field"),
    "range": _by_field("gte gt lte lt from to include_lower include_upper format time_zone relation"),
    "prefix": _by_field("value rewrite case_insensitive"),
    "wildcard": _by_field("value wildcard rewrite case_insensitive"),
    "regexp": _by_field("value flags max_determinized_states rewrite case_insensitive"),
    "fuzzy": _by_field("value fuzziness prefix_length max_expansions transpositions rewrite"),
    "exists": options("field"),
    "ids": options("values"),
    "rank_feature": options(
        "field",
        saturation=options("pivot"),
        log=options("scaling_factor"),
        sigmoid=options("pivot exponent"),
        linear=options(""),
    ),
    "distance_feature": options("field pivot", origin=_GEOMETRY),
    "geo_distance": _by_place("distance distance_type validation_method ignore_unmapped unit"),
    "geo_bounding_box": _by_place("type validation_method ignore_unmapped"),
    "geo_polygon": _by_place("validation_method ignore_unmapped"),
    "geo_shape": _by_place("ignore_unmapped", options("relation", shape=_GEOMETRY)),
    "more_like_this": options(
        "fields max_query_terms min_term_freq min_doc_freq max_doc_freq min_word_length max_word_length stop_words "
        "analyzer minimum_should_match fail_on_unsupported_field boost_terms include",
        like=_LIKE,
        unlike=_LIKE,
    ),
    "bool": options(
        "minimum_should_match adjust_pure_negative",
        must=_CLAUSES,
        should=_CLAUSES,
        filter=_CLAUSES,
        must_not=_CLAUSES,
    ),
    "dis_max": options("tie_breaker", queries=_CLAUSES),
    "constant_score": options("", filter=QUERY),
    "boosting": options("negative_boost", positive=QUERY, negative=QUERY),
    "function_score": options(
        "score_mode boost_mode max_boost min_score",
        query=QUERY,
        functions=Many(Object({**_FUNCTION, "filter": QUERY})),
        **_FUNCTION,
    ),
    "nested": options("path score_mode ignore_unmapped", query=QUERY, inner_hits=INNER_HITS),
    # Joined documents are others than those that the query finds.
    "has_child": Escaping(
        options("type score_mode min_children max_children ignore_unmapped", query=QUERY, inner_hits=INNER_HITS)
    ),
    "has_parent": Escaping(options("parent_type score ignore_unmapped", query=QUERY, inner_hits=INNER_HITS)),
    "parent_id": Escaping(options("type id ignore_unmapped")),
}
