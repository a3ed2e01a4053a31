#!/usr/bin/env bash
# Closes the loop: mine examples from an index, train an encoder on them, encode the index with it, measure the gain.
#
#     examples/close_the_loop.sh INDEX DATA [options of hybrid train encoder]
#
# INDEX is a folder or a place on a cluster, such as os:wiki; it is made if it is not there. DATA is a folder as BEIR has
# them: corpus.jsonl, queries.jsonl, qrels/train.tsv to learn from and qrels/test.tsv to measure by. Everything else goes
# to the folder loop, which belongs to this INDEX and DATA. A run that was stopped goes on.
set -euo pipefail
index=${1:?INDEX and DATA, please} data=${2:?DATA, please}
shift 2
mkdir -p loop

hybrid ingest "$index" "$data/corpus.jsonl"
# Once: a cluster's index will have been encoded anew when this is run again.
[ -f loop/before.jsonl ] || hybrid eval "$index" --questions "$data" --per-question loop/before.jsonl

hybrid mine "$index" --questions "$data" --split train --negatives bm25=1 --out loop/train.json
# An encoder is there after the first epoch; as long as states are beside it, there is more to learn.
if [ ! -d loop/encoder ] || [ -d loop/encoder.training ]; then
    hybrid train encoder loop/encoder --questions loop/train.json --from minilm \
        --towers 1 --similarity cosine --batch 32 --epochs 1 --lr 2e-5 --max-length 64 "$@"
fi

case $index in
os:* | http://* | https://*)
    hybrid reencode "$index" --encoder ./loop/encoder
    ;;
*) # A folder is encoded anew beside the old one.
    index=$index-trained
    hybrid ingest "$index" "$data/corpus.jsonl" --encoder ./loop/encoder
    ;;
esac
hybrid eval "$index" --questions "$data" --per-question loop/after.jsonl

python "$(dirname "$0")/gain.py" loop/before.jsonl loop/after.jsonl
