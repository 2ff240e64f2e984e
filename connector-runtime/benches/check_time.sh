#!/bin/sh
# Measures what 100 connectors of 20 commands with three params each cost a clean `cargo check`: the CPU seconds of the
# compiler (user and system, of its process alone) for the same structs as connectors without a lock, as connectors with
# one, with nothing but serde's derives, and with no macro at all. The target is 15 s at most, locks included.
#
#   connector-runtime/benches/check_time.sh [connectors] [commands] [rounds]
#
# Dependencies are checked beforehand and not counted. The rounds take the crates in turn, so that all meet the same load
# of the machine; the least time of each counts. Everything is written below a temporary folder; CHECK_TARGET_DIR keeps the
# checked dependencies for the next run.
set -eu
connectors=${1:-100}
commands=${2:-20}
rounds=${3:-3}
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

crate() { # name, dependencies
    mkdir -p "$work/$1/src"
    printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2024"\n\n[dependencies]\n%b\n[workspace]\n' "$1" "$2" >"$work/$1/Cargo.toml"
    cp "$root/Cargo.lock" "$work/$1/Cargo.lock"
}

runtime="connector-runtime = { path = \"$root/connector-runtime\" }\n"
crate unlocked "$runtime"
crate locked "$runtime"
crate bare "$runtime"
crate plain 'serde = { version = "1", features = ["derive"] }\n'

awk -v connectors="$connectors" -v commands="$commands" -v folder="$work" 'BEGIN {
    unlocked = folder "/unlocked/src/lib.rs"; locked = folder "/locked/src/lib.rs"; plain = folder "/plain/src/lib.rs"; bare = folder "/bare/src/lib.rs"
    for (c = 0; c < connectors; c++) {
        head = "pub mod m%d {\nuse connector_runtime::prelude::*;\n/// Connector.\n#[connector(name = \"c-%d\", version = \"1.0.0\"%s)]\npub struct Connector {\n/// URL.\npub base_url: String,\n/// Key.\npub api_key: Secret,\n/// Wait.\n#[config(default = 30, min = 1, max = 300)]\npub wait: u32,\n}\n#[connector]\nimpl Connector {\n"
        printf head, c, c, ", lock = false" > unlocked
        printf head, c, c, "" > locked
        printf "pub mod m%d {\nuse connector_runtime::prelude::*;\npub struct Connector {\npub base_url: String,\npub api_key: Secret,\npub wait: u32,\n}\nimpl Connector {\n", c > bare
        printf "pub mod m%d {\nuse serde::Deserialize;\n#[derive(Deserialize)]\n#[serde(rename_all = \"camelCase\")]\npub struct Connector {\npub base_url: String,\npub api_key: String,\npub wait: u32,\n}\n", c > plain
        for (m = 0; m < commands; m++) {
            command = sprintf("/// Command.\n#[command(effect = read)]\npub async fn command%d(\n&self,\n/// Text.\ntext: String,\n/// Limit.\n#[param(default = 50, min = 1, max = 500)]\nlimit: u32,\n/// Exact.\nexact: Option<bool>,\n) -> Outcome<Value> {\nsucceed(json!([self.base_url, self.wait, self.api_key.is_empty(), text, limit, exact]))\n}\n", m)
            printf "%s", command > unlocked
            printf "%s", command > locked
            gsub(/\/\/\/ [A-Z][a-z]+\.\n|#\[[^\n]*\]\n/, "", command)
            printf "%s", command > bare
            printf "#[derive(Deserialize)]\n#[serde(rename_all = \"camelCase\")]\npub struct Command%dParams {\npub text: String,\npub limit: u32,\npub exact: Option<bool>,\n}\n", m > plain
        }
        printf "}\n}\n" > unlocked
        printf "}\n}\n" > locked
        printf "}\n}\n" > bare
        if (commands > 0) {
            printf "impl Connector {\n" > plain
            for (m = 0; m < commands; m++)
                printf "pub async fn command%d(&self, params: Command%dParams) -> (usize, u32, u32, Option<bool>) {\n(params.text.len() + self.base_url.len() + self.api_key.len(), self.wait, params.limit, params.exact)\n}\n", m, m > plain
            printf "}\n" > plain
        }
        printf "}\n" > plain
    }
}'

target=${CHECK_TARGET_DIR:-$work/target}

# The locks are written by the connectors themselves.
mkdir -p "$work/locked/src/bin" "$work/locked/schema.lock"
cat >"$work/locked/src/bin/write.rs" <<'RUST'
fn main() {
    std::hint::black_box(<locked::m0::Connector as connector_runtime::connector::Connector>::DESCRIPTOR);
    for entry in connector_runtime::registry::Registry::collect().unwrap().iter() {
        let path = format!("schema.lock/{}.lock", entry.descriptor().name);
        std::fs::write(path, connector_runtime::lock::print(entry.descriptor())).unwrap();
    }
}
RUST
(cd "$work/locked" && CONNECTOR_LOCK=off CARGO_TARGET_DIR=$target cargo run --quiet --offline --bin write)
rm -r "$work/locked/src/bin"

# Times the compiler of the crates that are measured, and no other.
cat >"$work/timed" <<'SH'
#!/bin/sh
case " $* " in
*" --crate-name unlocked "* | *" --crate-name locked "* | *" --crate-name plain "* | *" --crate-name bare "*) ;;
*) exec "$@" ;;
esac
"$@" || exit
times >"$CHECK_TIMES"
SH
chmod +x "$work/timed"

check() { # name: the CPU milliseconds of the compiler
    touch "$work/$1/src/lib.rs"
    (cd "$work/$1" && CHECK_TIMES="$work/times" RUSTC_WRAPPER="$work/timed" CARGO_INCREMENTAL=0 CARGO_TARGET_DIR=$target \
        cargo check --quiet --offline --lib)
    # The last line of `times`: what the children took, user and system, as 1m2.3s.
    tail -n 1 "$work/times" | tr 'ms' '  ' | awk '{ printf "%d", ($1 * 60 + $2 + $3 * 60 + $4) * 1000 }'
}

names="bare plain unlocked locked"
for name in $names; do
    check "$name" >/dev/null
    echo 999999999 >"$work/$name.least"
done
round=0
while [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    for name in $names; do
        took=$(check "$name")
        if [ "$took" -lt "$(cat "$work/$name.least")" ]; then echo "$took" >"$work/$name.least"; fi
    done
done
echo "$connectors connectors x $commands commands, CPU of the compiler in ms, the least of $rounds rounds:"
for name in $names; do
    echo "  $name $(cat "$work/$name.least")"
done
