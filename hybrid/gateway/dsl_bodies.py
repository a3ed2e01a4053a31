"""The aggregations and the top-level keys that pass: every one that is not here is refused."""

from typing import Any

from .dsl_queries import HITS, INNER_HITS, QUERY, SCALAR, options
from .rules import Aggregations, Count, Either, Escaping, Many, Object, Rule


def _names_every_term(aggregation: Any) -> bool:
    """Tell whether buckets of no hits are wanted: they name terms of documents that the query does not find."""
    least = aggregation.get("min_doc_count", 1) if isinstance(aggregation, dict) else 1
    return not isinstance(least, int) or least < 1


_TERMS = Escaping(
    options(
        "field missing exclude min_doc_count shard_min_doc_count collect_mode execution_hint format value_type "
        "show_term_doc_count_error",
        size=Count(),
        shard_size=Count(),
        include=Either(options("partition num_partitions")),
        order=Many(Object({}, SCALAR)),
    ),
    _names_every_term,
)
_MULTI_TERMS = Escaping(
    options(
        "min_doc_count shard_min_doc_count collect_mode show_term_doc_count_error",
        terms=Many(options("field missing value_type")),
        size=Count(),
        shard_size=Count(),
        order=Many(Object({}, SCALAR)),
    ),
    _names_every_term,
)
#: They compare with all documents of the index.
_SIGNIFICANT = Escaping(
    options(
        "field source_fields filter_duplicate_text min_doc_count shard_min_doc_count include exclude execution_hint",
        size=Count(),
        shard_size=Count(),
        background_filter=QUERY,
        **dict.fromkeys(["jlh", "gnd", "percentage"], options("")),
        **dict.fromkeys(["mutual_information", "chi_square"], options("include_negatives background_is_superset")),
    )
)
_RANGES = Many(options("key from to mask"))
_BOUNDS = options("min max")
_HISTOGRAM = options(
    "field interval calendar_interval fixed_interval offset format time_zone min_doc_count keyed missing",
    order=Many(Object({}, SCALAR)),
    extended_bounds=_BOUNDS,
    hard_bounds=_BOUNDS,
)
_GRID = options("field precision", size=Count(), shard_size=Count())
_METRIC = options("field missing format precision_threshold execution_hint sigma show_distribution compression")
_PERCENTILES = options(
    "field percents values keyed missing format",
    tdigest=options("compression"),
    hdr=options("number_of_significant_value_digits"),
)
_PIPELINE = options("buckets_path gap_policy format unit lag percents")
_POINT = Either(options("lat lon"))
_SOURCE_KINDS = options("field missing missing_bucket missing_order order format")
_SOURCES = Object(
    {
        "terms": _SOURCE_KINDS,
        "histogram": Object({**_SOURCE_KINDS.keys, "interval": SCALAR}),
        "date_histogram": Object(
            {**_SOURCE_KINDS.keys, **options("interval calendar_interval fixed_interval offset time_zone").keys}
        ),
        "geotile_grid": Object({**_SOURCE_KINDS.keys, "precision": SCALAR}),
    }
)
_KINDS: dict[str, Rule] = {
    "terms": _TERMS,
    "multi_terms": _MULTI_TERMS,
    "rare_terms": options("field max_doc_count precision include exclude missing"),
    "significant_terms": _SIGNIFICANT,
    "significant_text": _SIGNIFICANT,
    "histogram": _HISTOGRAM,
    "date_histogram": _HISTOGRAM,
    "auto_date_histogram": options("field format time_zone minimum_interval missing", buckets=Count()),
    "variable_width_histogram": options("field", buckets=Count(), shard_size=Count(), initial_buffer=Count()),
    "range": options("field keyed missing format", ranges=_RANGES),
    "date_range": options("field keyed missing format time_zone", ranges=_RANGES),
    "ip_range": options("field keyed", ranges=_RANGES),
    "geo_distance": options("field unit distance_type keyed", origin=_POINT, ranges=_RANGES),
    "geohash_grid": _GRID,
    "geotile_grid": _GRID,
    "filter": QUERY,
    "filters": options(
        "other_bucket other_bucket_key",
        # Named, or in a list.
        filters=Either(Object({}, QUERY), Many(QUERY)),
    ),
    "missing": options("field missing"),
    "nested": options("path"),
    "reverse_nested": options("path"),
    "composite": options("", size=Count(), sources=Many(Object({}, _SOURCES)), after=Object({}, SCALAR)),
    "sampler": options("", shard_size=Count()),
    "diversified_sampler": options("field max_docs_per_value execution_hint", shard_size=Count()),
    "global": Escaping(options("")),
    "children": Escaping(options("type")),
    "parent": Escaping(options("type")),
    "top_hits": Object(HITS),
    "percentiles": _PERCENTILES,
    "percentile_ranks": _PERCENTILES,
    "weighted_avg": options("format", value=options("field missing"), weight=options("field missing")),
    "geo_bounds": options("field wrap_longitude"),
    "geo_centroid": options("field"),
    "bucket_sort": options("from gap_policy", size=Count(), sort=Many(Either(Object({}, Either(options("order")))))),
    **dict.fromkeys(["avg", "sum", "min", "max", "stats", "extended_stats", "value_count", "cardinality"], _METRIC),
    "median_absolute_deviation": _METRIC,
    **dict.fromkeys(["avg_bucket", "sum_bucket", "min_bucket", "max_bucket", "stats_bucket"], _PIPELINE),
    **dict.fromkeys(["cumulative_sum", "derivative", "serial_diff", "percentiles_bucket"], _PIPELINE),
}
AGGREGATIONS = Aggregations(_KINDS)

_FUZZY = Either(options("fuzziness transpositions min_length prefix_length unicode_aware"))
_SUGGESTER = options(
    "text prefix",
    completion=options("field skip_duplicates analyzer", size=Count(), fuzzy=_FUZZY),
    term=options(
        "field analyzer sort suggest_mode max_edits prefix_length min_word_length max_inspections min_doc_freq "
        "max_term_freq string_distance",
        size=Count(),
        shard_size=Count(),
    ),
    phrase=options(
        "field gram_size real_word_error_likelihood confidence max_errors separator analyzer",
        size=Count(),
        shard_size=Count(),
        highlight=options("pre_tag post_tag"),
        direct_generator=Many(
            options("field suggest_mode max_edits prefix_length min_word_length max_inspections", size=Count())
        ),
    ),
)
_RESCORE_QUERY = Object(
    {"rescore_query": QUERY, "query_weight": SCALAR, "rescore_query_weight": SCALAR, "score_mode": SCALAR}
)
#: What ``ext`` may tell the gateway.
WISHES = "mode query_text query_text_path text lambda explain"
BODY = Object(
    {
        **HITS,
        "query": QUERY,
        "post_filter": QUERY,
        "aggs": AGGREGATIONS,
        "aggregations": AGGREGATIONS,
        "collapse": options("field max_concurrent_group_searches", inner_hits=Many(INNER_HITS)),
        "rescore": Many(Object({"window_size": Count(), "query": _RESCORE_QUERY})),
        "suggest": Escaping(Object({"text": SCALAR}, _SUGGESTER), bool),
        "profile": Escaping(SCALAR, bool),
        "ext": Object({"hybrid": Object(dict.fromkeys(WISHES.split(), SCALAR))}),
        **dict.fromkeys(["track_total_hits", "min_score", "terminate_after", "timeout", "search_after"], SCALAR),
    }
)
