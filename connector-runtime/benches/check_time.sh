#!/bin/sh
# Measures what 200 connectors of 10 commands add to a clean `cargo check`: the same structs are checked
# once as connectors and once with nothing but serde's derives. The target is a few seconds at most.
#
#   connector-runtime/benches/check_time.sh [connectors] [commands]
#
# Dependencies are checked beforehand and not counted. Everything is written below a temporary folder;
# CHECK_TARGET_DIR keeps the checked dependencies for the next run.
set -eu
connectors=${1:-200}
commands=${2:-10}
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

crate() { # name, dependencies
    mkdir -p "$work/$1/src"
    printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2024"\n\n[dependencies]\n%b\n[workspace]\n' "$1" "$2" >"$work/$1/Cargo.toml"
    cp "$root/Cargo.lock" "$work/$1/Cargo.lock"
}

crate annotated "connector-runtime = { path = \"$root/connector-runtime\" }\n"
crate plain 'serde = { version = "1", features = ["derive"] }\n'

awk -v connectors="$connectors" -v commands="$commands" -v folder="$work" 'BEGIN {
    annotated = folder "/annotated/src/lib.rs"; plain = folder "/plain/src/lib.rs"
    for (c = 0; c < connectors; c++) {
        printf "pub mod m%d {\nuse connector_runtime::prelude::*;\n/// Connector.\n#[connector(name = \"c-%d\", version = \"1.0.0\")]\npub struct Connector {\n/// URL.\npub base_url: String,\n/// Key.\npub api_key: Secret,\n/// Wait.\n#[config(default = 30, min = 1, max = 300)]\npub wait: u32,\n}\n#[connector]\nimpl Connector {\n", c, c > annotated
        printf "pub mod m%d {\nuse serde::Deserialize;\n#[derive(Deserialize)]\n#[serde(rename_all = \"camelCase\")]\npub struct Connector {\npub base_url: String,\npub api_key: String,\npub wait: u32,\n}\n", c > plain
        for (m = 0; m < commands; m++) {
            printf "/// Command.\n#[command(effect = read)]\npub async fn command%d(\n&self,\n/// Text.\ntext: String,\n/// Limit.\n#[param(default = 50, min = 1, max = 500)]\nlimit: u32,\n/// Exact.\nexact: Option<bool>,\n) -> Outcome<Value> {\nsucceed(json!([self.base_url, self.wait, self.api_key.is_empty(), text, limit, exact]))\n}\n", m > annotated
            printf "#[derive(Deserialize)]\n#[serde(rename_all = \"camelCase\")]\npub struct Command%dParams {\npub text: String,\npub limit: u32,\npub exact: Option<bool>,\n}\n", m > plain
        }
        printf "}\n}\n" > annotated
        if (commands > 0) {
            printf "impl Connector {\n" > plain
            for (m = 0; m < commands; m++)
                printf "pub async fn command%d(&self, params: Command%dParams) -> (usize, u32, u32, Option<bool>) {\n(params.text.len() + self.base_url.len() + self.api_key.len(), self.wait, params.limit, params.exact)\n}\n", m, m > plain
            printf "}\n" > plain
        }
        printf "}\n" > plain
    }
}'

seconds() { # name
    target=${CHECK_TARGET_DIR:-$work/target}
    (cd "$work/$1" && CARGO_TARGET_DIR=$target cargo check --quiet --offline)
    best=
    for _ in 1 2 3; do
        touch "$work/$1/src/lib.rs"
        begin=$(date +%s%N)
        (cd "$work/$1" && CARGO_INCREMENTAL=0 CARGO_TARGET_DIR=$target cargo check --quiet --offline)
        took=$((($(date +%s%N) - begin) / 1000000))
        if [ -z "$best" ] || [ "$took" -lt "$best" ]; then best=$took; fi
    done
    echo "$best"
}

annotated=$(seconds annotated)
plain=$(seconds plain)
echo "$connectors connectors x $commands commands: annotated $annotated ms, serde derives alone $plain ms, added $((annotated - plain)) ms"
