#!/usr/bin/env bash
# Runs the whole pipeline once at CogVideoX-2b's true size on one GPU, and measures time and memory.
#
#     benchmarks/on_gpu.sh [--size 2b|nano] [--out DIR] [--work DIR] [--minutes N] [--dry]
#
# The base has the true shapes and random weights, and the sequences are sample sequences: nothing is downloaded. Every
# step has its own time limit; if one fails, the others still run. table.md, figures.json and logs.txt in DIR are rewritten
# after each step. Steps that do not fit into N minutes are listed as not run; another call with the same --work runs them.
# The exit code is 1 unless all steps succeeded.
# `--size nano` uses models/nano on the CPU; `--dry` prints the commands and the size of the model.
# PYTHON is a Python with the packages of envs/requirements.txt, python3 by default.
set -uo pipefail
cd "$(dirname "$0")/.."
size=2b out=results/on-gpu work='' minutes=8 dry=''
while [ $# -gt 0 ]; do
  case $1 in
    --dry) dry=yes && shift ;;
    --size | --out | --work | --minutes) printf -v "${1#--}" %s "${2:?"$1 needs a value"}" && shift 2 ;;
    *) echo "$1: there is no such option; there are --size, --out, --work, --minutes and --dry" >&2 && exit 2 ;;
  esac
done
work=${work:-$out/work}
records=$work/records data=$work/sequences
deadline=$((EPOCHSECONDS + 60 * minutes))
export python=${PYTHON:-python3} PYTHONPATH=$PWD/workflow${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1
unset PYTHONDONTWRITEBYTECODE

case $size in
  2b)
    base="true_size base $work/base" frame_size=640x480 frames=100 scored=49 workers=16 nano='' slower=1
    long=30 short=15 few=8 stopped=12 stop_at=5 denoising=2 model='' windows='' recipe=''
    ;;
  nano)
    base="cp -r models/nano $work/base" frame_size=64x64 frames=25 scored=17 workers=2 nano=--nano slower=10
    long=6 short=4 few=4 stopped=6 stop_at=1 denoising=1
    model='dtype: float32, device: cpu' windows='window: 17' recipe='mixed_precision: "no", rank: 4, alpha: 4'
    ;;
  *) echo "--size: $size was given, but it should be 2b or nano" >&2 && exit 2 ;;
esac

inpaint() { "$python" benchmarks/true_size.py inpaint "$@"; }
true_size() { "$python" benchmarks/true_size.py "$@"; }
speed() { "$python" benchmarks/true_speed.py "$@"; }
table() { "$python" benchmarks/on_gpu_table.py "$@"; }
export -f inpaint true_size speed

# step NAME SECONDS COMMAND [CODES]: run a command with a time limit, which is `slower` times as long at nano size because
# the machine may be slow. The exit code should be one of CODES.
step() {
  local name=$1 limit=$(($2 * slower)) command=$3 codes=${4:-0} began=$EPOCHREALTIME code left=$((deadline - EPOCHSECONDS))
  if [ -f "$records/$name.json" ] && ! grep -q '"state": "not run"' "$records/$name.json"; then return; fi
  if [ -n "$dry" ]; then
    printf '%s, %s s at most:\n    %s\n' "$name" "$limit" "$command"
    return
  fi
  if [ $left -lt 10 ]; then
    code=-
  else
    FACTS=$records/$name.facts.json timeout --kill-after=10 $((limit < left ? limit : left)) \
      bash -c "$command" </dev/null >"$records/$name.log" 2>&1
    code=$?
    if [ $code -eq 124 ] && [ $left -lt "$limit" ]; then code=-; fi
  fi
  table record "$records" "$name" "$began" "$EPOCHREALTIME" "$code" "$codes" "$size" "$command"
  table write "$records" "$out"
}

mkdir -p "$out" "$records" "$data"
cat >"$work/config.yaml" <<END
extends: config/cogvideox-2b.yaml
experiments: $work/experiments.tsv
model: {base: $work/base, $model}
windows: {$windows}
dataset: {root: $data, frames: $frames, audit: {shards: 1}}
latents: {shards: 1}
training: # a schedule that does not depend on the number of steps, so that trainings can be compared
  {steps: $long, batch_size: 1, save_every: $stopped, log_every: 1, schedule: constant_with_warmup, warmup_steps: 3,
   gradient_checkpointing: true, $recipe}
validation: {steps: $denoising, limit: 1}
evaluation: {steps: $denoising, limit: 1, extras: [motion]}
END
cat >"$work/experiments.tsv" <<END
experiment	overrides	description
checkpointed		as config/cogvideox-2b.yaml has it: fp16; with gradient checkpointing
plain	gradient_checkpointing=false steps=$short	all activations kept
compiled	gradient_checkpointing=false compile=true steps=$few	and compiled blocks
stopped	steps=$stopped	stopped by a signal, then resumed
bf16	mixed_precision=bf16 fill=flow_propagation steps=$few	bfloat16, with the other fill
diverging	learning_rate=1000 patch_learning_rate=1000 warmup_steps=0 steps=$few	a rate far too high
overflowing	steps=$few	latents so large that fp16's gradients overflow
END
assignments=$("$python" benchmarks/true_size.py options "$work/config.yaml") || exit
eval "$assignments"

latents=$work/latents split="--manifest $work/dataset/manifest.parquet --split-file $work/dataset/split.tsv"
encode="inpaint encode --dataset $data $split --frames $frames --workers $workers --out $latents \
  $WINDOWS $MASKS $ENCODE $TRUTH $MODEL"
truths=$latents/truth/shard-0 conditions=$latents/condition
index="inpaint index --truths $truths.parquet --split-file $work/dataset/split.tsv"
evaluate="inpaint evaluate --dataset $data $split --frames $scored --workers $workers $MASKS $WINDOWS $EVALUATE $MODEL"

# training EXPERIMENT FILL [MODEL]: the arguments of `inpaint` that train an experiment on the latents of a fill.
training() {
  local options=TRAIN_$1 fill=grey
  if [ "$2" = flow ]; then fill=flow_propagation; fi
  echo "train --index $latents/$2-index.parquet --prompt-file $latents/prompt.safetensors --out $work/training/$1" \
    "--experiment $1 $MASKS $WINDOWS ${3:-$MODEL} ${!options} --preview-every 0 --fill $fill"
}
checkpoint() { echo "$work/training/$1/checkpoints/step-$2"; }
trained=$(checkpoint checkpointed $long)

if [ -n "$dry" ] && [ "$size" = 2b ]; then true_size base "$work/base" --dry; fi

step sample 120 "inpaint sample $data --sequences 3 --frames $frames --size $frame_size --workers $workers" &
step machine 60 "speed machine $nano"
step base 120 "$base"
step speed-transformer 150 "speed transformer --base $work/base $nano"
wait
step audit 60 "inpaint audit $data $work/dataset --frames $frames --workers $workers $MASKS $AUDIT"
step split 30 "inpaint split $work/dataset/manifest.parquet $work/dataset/split.tsv $SPLIT"
step encode 180 "$encode --contents truth,grey"
step prompt 40 "inpaint prompt --out $latents/prompt.safetensors $MODEL $PROMPT"
step index-grey 30 "$index --conditions $conditions/grey/shard-0.parquet --out $latents/grey-index.parquet"
step dry-run 60 "inpaint $(training checkpointed grey) --dry-run"
step train-checkpointed 150 "inpaint $(training checkpointed grey)"
step train-plain 90 "inpaint $(training plain grey)"
step train-compiled 120 "inpaint $(training compiled grey)"
step train-stopped 75 "inpaint --stop-after $stop_at $(training stopped grey)" 75
step train-resumed 75 "inpaint $(training stopped grey)"
step compare-resumed 30 "true_size compare $(checkpoint stopped $stopped)/adapter \
  $(checkpoint checkpointed $stopped)/adapter"
step validate 120 "inpaint validate --checkpoint $trained --out $work/validation.json \
  --dataset $data $split --frames $frames $VALIDATE $MODEL"
step run 90 "inpaint run --input $data/\$(sed -n 2p $work/dataset/split.tsv | cut -f1) --frames $scored \
  --output $work/inpainted --adapter $trained/adapter --steps 8 $MODEL"
step speed-vae 120 "speed vae --base $work/base $nano"
step evaluate-adapter 90 "$evaluate --method adapter --adapter $trained/adapter --out $work/evaluation/adapter.parquet"
step evaluate-ceiling 90 "$evaluate --method ceiling --out $work/evaluation/ceiling.parquet"
step encode-flow 90 "$encode --contents truth,grey,flow_propagation"
step index-flow 30 "$index --conditions $conditions/flow_propagation/shard-0.parquet --out $latents/flow-index.parquet"
step train-bf16 75 "inpaint $(training bf16 flow "$MODEL_BF16")"
step train-diverging 60 "inpaint $(training diverging grey)" "0|1"
step scale-latents 30 "true_size scale $truths.safetensors $latents/scaled.safetensors 8000 && \
  ${index/truth\/shard-0.parquet/scaled.parquet} --conditions $conditions/grey/shard-0.parquet --out $latents/scaled-index.parquet"
step train-overflowing 60 "inpaint $(training overflowing scaled)" "0|1"
step speed-transformer-compiled 120 "speed transformer-compiled --base $work/base $nano"
step speed-vae-compiled 120 "speed vae-compiled --base $work/base $nano"

[ -n "$dry" ] && exit
cat "$out/table.md"
table write "$records" "$out"
