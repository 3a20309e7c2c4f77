//! One parser of `testkit::hostile`, named by `WEIR_FUZZ_TARGET`, on bytes that libFuzzer makes up.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use testkit::hostile::{Target, target};

/// The library behind Parquet panics on some bytes and weir catches it: libFuzzer's hook would end the process first. What is not
/// caught still ends it.
fn chosen() -> Target {
    drop(std::panic::take_hook());
    target(&std::env::var("WEIR_FUZZ_TARGET").expect("WEIR_FUZZ_TARGET names a parser"))
}

static TARGET: OnceLock<Target> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    TARGET.get_or_init(chosen)(bytes);
});
