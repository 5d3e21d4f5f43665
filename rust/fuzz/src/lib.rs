//! The fuzz targets of the core, as functions of bytes.
//!
//! Each target compares: with exact arithmetic, with the rules in a naive form, or one way to a
//! value with another. A panic is a finding, whether it is the core's or an assertion's here.

mod arithmetic;
mod bulk;
mod draw;
mod exact;
mod grow;
mod parse;
mod rules;
mod same;
mod stamps;
mod text;
mod trees;

pub use arithmetic::arithmetic;
pub use bulk::bulk;
pub use parse::parse;
pub use trees::trees;

/// The program of a target: under cargo-fuzz libFuzzer's, elsewhere one that runs it on files.
#[macro_export]
macro_rules! target {
    ($target:ident) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::$target(data));

        #[cfg(not(fuzzing))]
        fn main() -> std::io::Result<()> {
            for path in std::env::args_os().skip(1) {
                $crate::$target(&std::fs::read(path)?);
            }
            Ok(())
        }
    };
}
