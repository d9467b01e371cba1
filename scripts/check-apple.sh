#!/usr/bin/env bash
# Type-checks the Apple backend, and the tests that a Mac would run, for macOS and iOS, on a machine that may
# be neither: nothing is linked and nothing runs.
#
#   scripts/check-apple.sh            the first of these ways that is possible here
#   scripts/check-apple.sh rustup     the workspace's own toolchain, with the targets that rustup fetches;
#                                     clippy too, so that every unsafe block has to say why it is sound
#   scripts/check-apple.sh debian     Debian's rustc-web and cargo-web, and the library's source from
#                                     rust-web-src, for machines whose rustup can fetch nothing; root installs
#                                     them if they are missing
#
#   scripts/check-apple.sh --possible says by its exit code whether there is a way; it may fetch what is missing
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

targets=(aarch64-apple-darwin aarch64-apple-ios)
# A directory of its own: another compiler's artefacts beside the usual ones would make both start anew.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/apple
debian_packages=(rustc-web cargo-web rust-web-src)
# What the code uses of language and library that is stable now, and was not yet in Debian's compiler. If a
# check the Debian way says "use of unstable library feature", its name is missing here.
newer_features=(let_chains round_char_boundary unsigned_is_multiple_of trait_upcasting float_next_up_down
  integer_sign_cast)

rustup_has_targets() {
  command -v rustup >/dev/null && command -v cargo-clippy >/dev/null &&
    rustup target add "${targets[@]}" >/dev/null 2>&1
}

with_rustup() {
  local target
  rustup target add "${targets[@]}"
  rustc --version
  for target in "${targets[@]}"; do
    printf '%s: bitnet-core and its tests\n' "$target"
    cargo clippy --locked -p bitnet-core --lib --tests --target "$target" -- -D warnings
  done
}

have_debian_packages() {
  command -v dpkg-query >/dev/null &&
    [ "$(dpkg-query -W -f '${Status}\n' "${debian_packages[@]}" 2>/dev/null | grep -c '^install ok installed$')" \
      = "${#debian_packages[@]}" ]
}

get_debian_packages() {
  have_debian_packages && return
  command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || return 1
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${debian_packages[@]}"; } >&2
}

with_debian() {
  local target wrapper=$CARGO_TARGET_DIR/debian/rustc-with-features features
  features=$(IFS=,; printf '%s' "${newer_features[*]}")
  mkdir -p "$CARGO_TARGET_DIR/debian"
  # Only the workspace's crates take the features and the ban on warnings. Lints that this compiler does not
  # know are its own affair.
  printf '#!/bin/sh\nexec "$@" -D warnings -A unknown_lints -Z "crate-attr=feature(%s)"\n' "$features" >"$wrapper"
  chmod +x "$wrapper"
  /usr/bin/rustc --version
  for target in "${targets[@]}"; do
    printf '%s: bitnet-core and its tests\n' "$target"
    CARGO_TARGET_DIR=$CARGO_TARGET_DIR/debian RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTC_WORKSPACE_WRAPPER=$wrapper \
      /usr/bin/cargo check --locked --ignore-rust-version -Z build-std=std,panic_abort,proc_macro,test \
      -p bitnet-core --lib --tests --target "$target"
  done
}

usage() {
  sed -n '/^#   /s/^# *//p' "${BASH_SOURCE[0]}" >&2
  exit 2
}

[ "$#" -le 1 ] || usage
case ${1:-any} in
  --possible) rustup_has_targets || get_debian_packages ;;
  rustup) with_rustup ;;
  debian) get_debian_packages && with_debian ;;
  any)
    if rustup_has_targets; then
      with_rustup
    elif get_debian_packages; then
      with_debian
    else
      printf 'rustup cannot fetch %s, and there are no packages %s\n' "${targets[*]}" "${debian_packages[*]}" >&2
      exit 1
    fi
    ;;
  *) usage ;;
esac
