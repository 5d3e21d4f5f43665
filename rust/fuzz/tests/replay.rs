//! The targets without libFuzzer: on every input that is kept, and on random ones.

use std::collections::BTreeMap;
use std::path::Path;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 4] = [
    ("parse", epochal_fuzz::parse),
    ("arithmetic", epochal_fuzz::arithmetic),
    ("trees", epochal_fuzz::trees),
    ("bulk", epochal_fuzz::bulk),
];

/// Inputs as they are kept: one a line, in hexadecimal digits.
fn kept(folder: &str, target: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(format!("{target}.hex"));
    let Ok(text) = std::fs::read_to_string(&path) else { return Vec::new() };
    let byte = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).expect("ASCII");
        u8::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("{}: {digits}", path.display()))
    };
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or("").trim());
    lines.map(|line| line.as_bytes().chunks(2).map(byte).collect()).collect()
}

#[test]
fn every_kept_input_is_right() {
    let mut counts = BTreeMap::new();
    for (name, target) in TARGETS {
        for folder in ["corpus", "found"] {
            let inputs = kept(folder, name);
            inputs.iter().for_each(|input| target(input));
            *counts.entry(name).or_insert(0) += inputs.len();
        }
    }
    assert!(counts.values().all(|count| *count > 20), "{counts:?}");
    // The campaign of `make trust-short` reads it.
    println!("{} inputs", counts.values().sum::<usize>());
}

#[test]
fn random_inputs_are_right() {
    let each = std::env::var("RANDOM_INPUTS").map_or(300, |count| count.parse().expect("a count"));
    let mut random = std::env::var("RANDOM_SEED").map_or(1, |seed| seed.parse().expect("a seed"));
    for (name, target) in TARGETS {
        if std::env::var("RANDOM_TARGET").is_ok_and(|only| only != name) {
            continue;
        }
        for _ in 0..each {
            let mut next = || {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random
            };
            let len = next() as usize % 200;
            let input: Vec<u8> = (0..len).map(|_| (next() >> 24) as u8).collect();
            // Shown where it fails.
            println!(
                "{name} {}",
                input.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
            );
            target(&input);
        }
    }
    let _: u64 = random;
}
