//! One parser of `testkit::hostile`, named by `WEIR_FUZZ_TARGET`, on bytes that libFuzzer makes up.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use testkit::hostile::{Target, target};

static TARGET: OnceLock<Target> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let target = TARGET.get_or_init(|| target(&std::env::var("WEIR_FUZZ_TARGET").expect("WEIR_FUZZ_TARGET names a parser")));
    target(bytes);
});
